// The console: reads everything once, then follows what changes.

import * as api from "./api.js";
import { showAlerts, showDue } from "./alerts.js";
import { fill, h } from "./dom.js";
import { alertTitle, language, longMoment, number, switchLanguage, t } from "./i18n.js";
import { drawLetters, watchLetters } from "./letters.js";
import { takeNames } from "./names.js";
import { mark, tick } from "./parts.js";
import * as sheet from "./sheet.js";
import { showShops } from "./shops.js";
import * as store from "./store.js";

const MOST_ALERTS = 5000;
const DRAW_MS = 250;
const DUE_MS = 2000;
const FEEDS_MS = 15000;
const THEME = "shipclock-theme";
const THEMES = ["auto", "light", "dark"];
const $ = (id) => document.getElementById(id);

const wanted = { platform: "", text: "", severities: new Set(), muted: false, resolved: false, dueFor: "" };
let connection = "connecting";
let partial = false;

// -- drawing ------------------------------------------------------------------------------------------------

let drawing = null;
function draw() {
  drawing ??= setTimeout(() => {
    drawing = null;
    drawNow();
  }, DRAW_MS);
}

function drawNow() {
  const { total, byShop } = store.counted();
  const platforms = [...new Set([...store.shops.values()].map((shop) => shop.platform))].sort();
  if (platforms.join() !== $("platform").dataset.has) {
    $("platform").dataset.has = platforms.join();
    fill($("platform"), h("option", { value: "" }, t("all")), platforms.map((each) => h("option", { value: each }, each)));
    $("platform").value = wanted.platform;
  }
  for (const severity of store.SEVERITIES) {
    const button = $(`only-${severity}`);
    fill(button, mark(severity), h("b", {}, store.complete ? number(total[severity]) : "–"), h("span", {}, t(severity)));
    button.setAttribute("aria-pressed", wanted.severities.has(severity));
  }
  $("muted-count").textContent = total.muted ? number(total.muted) : "";
  const shops = [...store.shops.values()].filter(fitsShop);
  showShops($("shop-list"), shops, byShop, drawNow);
  const alerts = store.rankedAlerts([...store.alerts.values()].filter(fits));
  showAlerts($("alert-list"), alerts, sheet.open, drawNow);
  const due = store.due.filter((each) => fitsShop(each) || (fitsPlatform(each) && named(each).includes(wanted.text)));
  const unlisted = due.length === store.due.length ? store.dueTotal - due.length : 0;
  showDue($("due-list"), due, unlisted, drawNow);
  for (const button of document.querySelectorAll("[data-due-for]")) button.setAttribute("aria-pressed", button.dataset.dueFor === store.dueFor);
  for (const [id, list] of [["shop-count", shops], ["alert-count", alerts], ["due-count", due]]) $(id).textContent = number(list.length);
  if (unlisted > 0) $("due-count").textContent = number(store.dueTotal);
  fill($("notice"), partial ? t("partial", { n: number(MOST_ALERTS) }) : null);
  document.title = total.critical ? `(${number(total.critical)}) ${t("title")}` : t("title");
  $("connection").className = connection;
  $("connection").title = $("connection-text").textContent = t(connection);
  drawClock();
}

const fitsPlatform = (each) => !wanted.platform || each.platform === wanted.platform;

const fitsShop = (each) => fitsPlatform(each) && (!wanted.text || store.shopKey(each).toLowerCase().includes(wanted.text));

const named = (each) => `${each.order} ${each.tracking_no ?? ""}`.toLowerCase();

function fits(alert) {
  const data = alert.data;
  if (!fitsPlatform(alert)) return false;
  if (data.state !== "open" && !wanted.resolved) return false;
  if (store.isMuted(alert) && !wanted.muted) return false;
  if (wanted.severities.size && !wanted.severities.has(data.severity)) return false;
  return !wanted.text || `${data.alert} ${data.summary} ${data.clause} ${alertTitle(alert)}`.toLowerCase().includes(wanted.text);
}

function drawClock() {
  const now = longMoment(store.clock.now());
  if ($("clock").textContent !== now) $("clock").textContent = now;
}

function label() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-title]")) {
    element.title = t(element.dataset.title);
    element.setAttribute("aria-label", t(element.dataset.title));
  }
  $("search").placeholder = t("search");
  delete $("platform").dataset.has;
}

// -- reading ------------------------------------------------------------------------------------------------

async function readAll() {
  store.forgetAll();
  const about = await api.get("/api/about");
  store.clock.kind = about.clock;
  store.takeMe(about);
  $("version").textContent = about.version;
  takeNames(await api.get("/api/rules"));
  for await (const items of api.pages("/api/shops?limit=500", Infinity)) items.forEach(store.takeShop);
  for await (const items of api.pages("/api/alerts?state=open&limit=500", MOST_ALERTS)) items.forEach(store.takeAlert);
  partial = store.alerts.size >= MOST_ALERTS;
  await readDue();
  store.allRead();
  drawNow();
}

async function readDue() {
  const who = wanted.dueFor;
  const page = await api.get(who ? `/api/due?limit=500&for=${who}` : "/api/due?limit=500");
  if (who !== wanted.dueFor) return; // the other list has been asked for meanwhile
  store.takeDue(who, page.items.map((each) => ({ ...each, at: store.shops.get(store.shopKey(each))?.at })), page.total);
}

let dueWaits = null;
function readDueSoon() {
  dueWaits ??= setTimeout(async () => {
    await readDue().catch(() => null); // the line says by itself when it is broken
    dueWaits = null;
    draw();
  }, DUE_MS);
}

async function hear(name, data) {
  if (name === "ready" && !data.resumed) await readAll();
  if (name === "shop") {
    store.takeShop(data);
    readDueSoon();
  }
  if (name === "alert" && store.takeAlert({ ...data, heard: performance.now() })) {
    store.dropOldResolved();
    await sheet.refresh(data.data.alert);
  }
  draw();
}

// -- the person ---------------------------------------------------------------------------------------------

function askForToken(wrong) {
  return new Promise((resolve) => {
    const dialog = $("token");
    $("token-wrong").hidden = !wrong;
    dialog.showModal();
    dialog.addEventListener("close", () => {
      resolve($("token-value").value.trim());
      $("token-value").value = "";
    }, { once: true });
  });
}

function show(tab) {
  document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll("[data-tab-of]")) button.setAttribute("aria-current", button.dataset.tabOf === tab);
}

async function showDueFor(who) {
  wanted.dueFor = who;
  show("due");
  await readDue().catch(() => null); // the line says by itself when it is broken
  drawNow();
}

function setTheme(theme) {
  localStorage.setItem(THEME, theme);
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = { auto: "◐", light: "☀", dark: "☾" }[theme];
}

function move(step) {
  show("alerts");
  const rows = [...$("alert-list").children];
  const place = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, place + step))]?.focus();
}

function focusedAlert() {
  return document.activeElement?.closest?.("#alert-list [data-key]")?.dataset.key;
}

const KEYS = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  a: () => focusedAlert() && sheet.open(focusedAlert(), "acknowledge"),
  m: () => focusedAlert() && sheet.open(focusedAlert(), "mute"),
  1: () => show("shops"), 2: () => show("alerts"), 3: () => show("due"),
  "/": () => $("search").focus(), "?": () => $("keys").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key.startsWith("Arrow") && !event.target.closest("#alert-list")) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
}

function listen() {
  document.addEventListener("keydown", onKey);
  $("platform").addEventListener("change", () => { wanted.platform = $("platform").value; drawNow(); });
  $("search").addEventListener("input", () => { wanted.text = $("search").value.trim().toLowerCase(); drawNow(); });
  for (const name of ["muted", "resolved"]) $(`show-${name}`).addEventListener("change", async (event) => {
    wanted[name] = event.target.checked;
    if (name === "resolved" && event.target.checked) (await api.get("/api/alerts?state=resolved&limit=200")).items.forEach(store.takeAlert);
    drawNow();
  });
  for (const severity of store.SEVERITIES) $(`only-${severity}`).addEventListener("click", () => {
    if (!wanted.severities.delete(severity)) wanted.severities.add(severity);
    show("alerts");
    drawNow();
  });
  $("shop-list").addEventListener("only-shop", (event) => only(event.detail));
  for (const button of document.querySelectorAll("[data-tab-of]")) button.addEventListener("click", () => show(button.dataset.tabOf));
  for (const button of document.querySelectorAll("[data-due-for]")) button.addEventListener("click", () => showDueFor(button.dataset.dueFor));
  $("language").addEventListener("click", () => { switchLanguage(); label(); drawLetters(); drawNow(); });
  $("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]));
  $("help").addEventListener("click", () => $("keys").showModal());
  $("keys").addEventListener("click", () => $("keys").close());
  window.addEventListener("hashchange", openLinked);
}

// Links in what the sinks send: #/alerts/ALERT and #/shops/PLATFORM/SHOP. And #/due, #/due/carrier.
function openLinked() {
  const [, kind, ...parts] = location.hash.split("/").map(decodeURIComponent);
  if (kind === "alerts") sheet.open(parts.join("/"));
  if (kind === "shops") only(parts.join("/"));
  if (kind === "due") showDueFor(parts[0] === "carrier" ? "carrier" : "");
}

function only(shop) {
  $("search").value = shop;
  wanted.text = shop.toLowerCase();
  show("alerts");
  drawNow();
}

setTheme(localStorage.getItem(THEME) ?? "auto");
label();
show("shops");
listen();
sheet.prepare($("sheet"), draw);
api.onUnauthorized(askForToken);
watchLetters();
api.follow(hear, (state) => { connection = state; draw(); });
setInterval(() => { tick(); drawClock(); }, 1000);
setInterval(() => [...store.shops.values()].some((shop) => shop.feed) && draw(), FEEDS_MS); // they fall silent without a word
openLinked();
