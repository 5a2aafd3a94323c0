// The console: reads what it shows, then follows what changes.

import * as address from "./address.js";
import * as api from "./api.js";
import { showDue } from "./alerts.js";
import { fill, h } from "./dom.js";
import { prepareFinding } from "./find.js";
import { showGroups } from "./groups.js";
import { language, longMoment, number, switchLanguage, t } from "./i18n.js";
import { drawLetters, watchLetters } from "./letters.js";
import { prepareOrders } from "./order.js";
import { mark, tick } from "./parts.js";
import { preparePicks } from "./picks.js";
import * as reading from "./reading.js";
import * as sheet from "./sheet.js";
import { showShops } from "./shops.js";
import * as store from "./store.js";
import { drawToday, readToday, readTodaySoon } from "./today.js";
import { readTrends } from "./trends.js";
import { readYesterday } from "./yesterday.js";

const { wanted } = address;

const DRAW_MS = 250;
const TYPING_MS = 200;
const ABOUT_MS = 10000;
const FEEDS_MS = 15000;
const TODAY_MS = 60000;
const SIGN_OF_LIFE_MS = 45000; // the line brings one every 15 s
const THEME = "shipclock-theme";
const THEMES = ["auto", "light", "dark"];
const NARROW = matchMedia("(max-width: 760px)"); // as in style.css
const $ = (id) => document.getElementById(id);

let connection = "connecting";
let heardAt = Date.now(); // when the worker last said anything

// -- drawing ------------------------------------------------------------------------------------------------

let drawing = null;
function draw() {
  drawing ??= setTimeout(() => {
    drawing = null;
    drawNow();
  }, DRAW_MS);
}

function drawNow() {
  const total = store.counted();
  const platforms = [...new Set([...store.shops.values()].map((shop) => shop.platform))].sort();
  if (platforms.join() !== $("platform").dataset.has) {
    $("platform").dataset.has = platforms.join();
    fill($("platform"), h("option", { value: "" }, t("all")), platforms.map((each) => h("option", { value: each }, each)));
    $("platform").value = wanted.platform;
  }
  for (const severity of store.SEVERITIES) {
    const button = $(`only-${severity}`);
    fill(button, mark(severity), h("b", {}, store.complete ? number(total[severity]) : "–"), h("span", {}, t(severity)));
    button.setAttribute("aria-pressed", wanted.severity === severity);
  }
  $("muted-count").textContent = total.muted ? number(total.muted) : "";
  $("only-shop").hidden = !wanted.shop;
  $("only-shop").textContent = `${wanted.platform}/${wanted.shop} ✕`;
  $("only-shop").title = t("onlyShop", { shop: wanted.shop });
  drawToday();
  const shops = [...store.shops.values()].filter(fitsShop);
  showShops($("shop-list"), shops, drawNow);
  showGroups($("alert-list"), reading.acts);
  const due = store.due.filter((each) => fitsShop(each) || (fitsPlatform(each) && named(each).includes(wanted.text.toLowerCase())));
  const unlisted = due.length === store.due.length ? store.dueTotal - due.length : 0;
  showDue($("due-list"), due, unlisted, drawNow);
  for (const button of document.querySelectorAll("[data-due-for]")) button.setAttribute("aria-pressed", button.dataset.dueFor === wanted.dueFor);
  const isRead = { "shop-count": store.complete, "alert-count": true, "due-count": store.dueFor === wanted.dueFor };
  const alerts = store.groups.reduce((sum, group) => sum + group.count, store.resolved.length);
  for (const [id, count] of [["shop-count", shops.length], ["alert-count", alerts], ["due-count", unlisted > 0 ? store.dueTotal : due.length]]) $(id).textContent = isRead[id] ? number(count) : "–";
  if (store.groupsAfter) $("alert-count").textContent += "+";
  document.title = total.critical ? `(${number(total.critical)}) ${t("title")}` : t("title");
  $("version").textContent = reading.version;
  drawConnection();
  drawClock();
  if (store.complete) readTrends();
}

// While the worker or its Kafka doesn't answer, the page says since when, and its clocks stand still.
function drawConnection() {
  $("connection").className = connection;
  $("connection").title = $("connection-text").textContent = t(connection);
  const since = connection === "away" ? new Date(heardAt) : reading.kafkaAwaySince && new Date(reading.kafkaAwaySince);
  store.clock.stop(connection === "away" && store.complete ? heardAt : null);
  const text = since ? t(connection === "away" ? "awaySince" : "kafkaSince", { at: longMoment(since) }) : "";
  $("banner").hidden = !text;
  if ($("banner").textContent !== text) $("banner").textContent = text;
}

const fitsPlatform = (each) => !wanted.platform || each.platform === wanted.platform;

function fitsShop(each) {
  if (!fitsPlatform(each) || (wanted.shop && each.shop !== wanted.shop)) return false;
  if (!wanted.text) return true;
  const text = wanted.text.toLowerCase();
  const clauses = Object.keys(each.metrics ?? {}).join(" ");
  return `${store.shopKey(each)} ${clauses}`.toLowerCase().includes(text) || store.groups.some((group) => store.shopKey(group) === store.shopKey(each) && each.metrics);
}

const named = (each) => `${each.order} ${each.tracking_no ?? ""}`.toLowerCase();

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
  fill($("sort"), address.SORTS.map((each) => h("option", { value: each }, t(`sort.${each}`))));
  $("sort").value = wanted.sort;
  $("search").placeholder = t(NARROW.matches ? "searchShort" : "search");
  delete $("platform").dataset.has;
}

// -- the line ----------------------------------------------------------------------------------------------

async function hear(name, data) {
  if (name === "ready" && !data.resumed) {
    await Promise.all([reading.readAll(), readToday().then(drawNow)]);
    readYesterday().then(draw); // which may take longer
  } else readTodaySoon(draw);
  if (name === "shop") {
    store.takeShop(data);
    reading.readDueSoon();
  }
  if (name === "alert") {
    store.noteAlert(data);
    reading.readGroupsSoon();
    await sheet.refresh(data.data.alert);
  }
  draw();
}

function onLine(state) {
  const before = connection;
  if (state === "live") heardAt = Date.now();
  connection = state;
  if (state !== before) draw();
}

// A worker that hangs keeps the line open and says nothing.
function lookAtLine() {
  if (connection === "live" && Date.now() - heardAt > SIGN_OF_LIFE_MS) onLine("away");
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
  draw();
  await reading.readDue().catch(() => null); // the line says by itself when it is broken
  drawNow();
}

function setTheme(theme) {
  localStorage.setItem(THEME, theme);
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = { auto: "◐", light: "☀", dark: "☾" }[theme];
}

function move(step) {
  show("alerts");
  const rows = [...$("alert-list").querySelectorAll(".grouphead, .alert")];
  const place = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, place + step))]?.focus();
}

// Acknowledges or mutes what has the focus: an alert, or a whole group.
function sayOfFocused(what) {
  const row = document.activeElement?.closest?.("#alert-list .grouphead, #alert-list .alert");
  const { key } = row?.closest("[data-key]")?.dataset ?? {};
  const group = store.groups.find((each) => store.groupKey(each) === key);
  if (row?.matches(".grouphead")) sheet.openGroup(group, what);
  else if (row) sheet.open(group ? group.worst.data.alert : key, what);
}

const KEYS = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  a: () => sayOfFocused("acknowledge"),
  m: () => sayOfFocused("mute"),
  o: () => document.activeElement?.dataset.order && (location.hash = document.activeElement.dataset.order),
  0: () => show("today"), 1: () => show("shops"), 2: () => show("alerts"), 3: () => show("due"),
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
  $("platform").addEventListener("change", () => choose({ platform: $("platform").value, shop: "" }));
  $("sort").addEventListener("change", () => choose({ sort: $("sort").value }));
  let typing = null;
  $("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => choose({}), TYPING_MS);
  });
  for (const name of ["muted", "resolved"]) $(`show-${name}`).addEventListener("change", (event) => choose({ [name]: event.target.checked }));
  for (const severity of store.SEVERITIES) $(`only-${severity}`).addEventListener("click", () => {
    show("alerts");
    return choose({ severity: wanted.severity === severity ? "" : severity });
  });
  $("only-shop").addEventListener("click", () => choose({ shop: "", platform: "" }));
  document.addEventListener("filters", () => choose({ text: "" }));
  $("shop-list").addEventListener("only-shop", (event) => {
    show("alerts");
    return choose(event.detail);
  });
  for (const button of document.querySelectorAll("[data-tab-of]")) button.addEventListener("click", () => show(button.dataset.tabOf));
  for (const button of document.querySelectorAll("[data-due-for]")) button.addEventListener("click", () => showDueFor(button.dataset.dueFor));
  $("language").addEventListener("click", () => { switchLanguage(); label(); drawLetters(); drawNow(); });
  NARROW.addEventListener("change", label);
  $("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]));
  $("help").addEventListener("click", () => $("keys").showModal());
  $("keys").addEventListener("click", () => $("keys").close());
  window.addEventListener("hashchange", async () => { openLinked(); await reading.fromTheTop(); });
}

// Takes on other filters, and writes them into the address.
async function choose(filters) {
  Object.assign(wanted, { text: $("search").value.trim() }, filters); // it may just have been typed
  address.write();
  showFilters();
  await reading.fromTheTop();
}

function showFilters() {
  const search = $("search");
  if (search.value.trim() !== wanted.text) search.value = wanted.text;
  $("platform").value = wanted.platform;
  $("sort").value = wanted.sort;
  for (const name of ["muted", "resolved"]) $(`show-${name}`).checked = wanted[name];
}

function openLinked() {
  const [kind, ...parts] = address.read();
  showFilters();
  if (kind === "alerts" || kind === "shops") show("alerts");
  if (kind === "alerts" && parts.length) sheet.open(parts.join("/"));
  if (kind === "due") showDueFor(wanted.dueFor);
}

setTheme(localStorage.getItem(THEME) ?? "auto");
label();
show("today");
listen();
reading.prepare(drawNow);
sheet.prepare($("sheet"), reading.readGroupsNow);
api.onUnauthorized(askForToken);
watchLetters();
openLinked();
prepareFinding();
prepareOrders();
preparePicks();
api.follow(hear, onLine);
setInterval(() => { lookAtLine(); tick(); drawClock(); drawConnection(); }, 1000);
setInterval(() => connection === "live" && reading.readAbout().catch(() => null), ABOUT_MS);
setInterval(() => {
  if (connection !== "live") return;
  readTodaySoon(draw); // yesterday moves on, too
  readYesterday().then(draw);
}, TODAY_MS);
setInterval(() => [...store.shops.values()].some((shop) => shop.feed) && draw(), FEEDS_MS); // they fall silent without a word
