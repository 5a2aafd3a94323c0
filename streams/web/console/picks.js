// The list a warehouse works with: what to ship (or which parcels to chase the carrier for), filtered, to be printed,
// taken elsewhere, and ticked off. What is filtered by stands in the address:
//
//   #/picks?for=carrier&platform=joom&shop=s17&warehouse=west&carrier=SF&due=today&packed=hide

import { pages } from "./api.js";
import { Name, csv, save, tabbed } from "./csv.js";
import { fill, h, keyed } from "./dom.js";
import { clauseName, language, longMoment, moment, number, t } from "./i18n.js";
import { namesRead } from "./names.js";
import { closeButton, copyButton, orderLink, page } from "./order_link.js";
import { nameField, packedBox } from "./packed.js";
import { chip, countdown, saved, shopName } from "./parts.js";
import { clock, firstRead, me, withStanding } from "./store.js";

const MOST = 10_000;
const SHORT_SHOWN = 5;
const AGAIN_MS = 5000;
const CUT_OFFS = ["", "overdue", "in4h", "today", "tomorrow"];
const WORDS = { "": "anyTime", overdue: "overdueOnly", in4h: "in4h", today: "today", tomorrow: "tomorrow" };

const wanted = { for: "", platform: "", shop: "", warehouse: "", carrier: "", due: "", packed: "" };
let items = null;
let missing = []; // what is not in the list that should be, in words
let again = null;
let readAt = null; // when that was so
let wrong = ""; // why it could not be read anew
let reading = 0;
let drawn = "";

const { dialog, follow } = page("picks", "page-dialog picks", open, () => { clearTimeout(again); [items, missing] = [null, []]; drawn = wrong = ""; });

export function preparePicks() {
  follow();
  dialog.addEventListener("keydown", onKey);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
    if (event.key === "p" && !typing && !document.querySelector("dialog[open]")) location.hash = "#/picks";
  });
}

function open(_, parts, asked) {
  const before = wanted.for;
  for (const name of Object.keys(wanted)) wanted[name] = asked.get(name) ?? "";
  if (!CUT_OFFS.includes(wanted.due)) wanted.due = "";
  if (before !== wanted.for) [items, missing] = [null, []];
  draw();
  read();
}

function choose(name, value) {
  wanted[name] = value;
  const kept = new URLSearchParams(Object.entries(wanted).filter(([, each]) => each));
  history.replaceState(null, "", `#/picks${kept.size ? `?${kept}` : ""}`);
  if (name === "for") {
    [items, missing] = [null, []];
    read();
  }
  draw();
}

async function read() {
  clearTimeout(again);
  const turn = ++reading;
  const who = wanted.for;
  await firstRead; // what time it is, and as of when each shop's list is
  try {
    // An order that moves while page after page is read may be in two of them.
    const [found, short] = [new Map(), new Map()];
    let last = null;
    for await (const page of pages(`/api/due?limit=1000${who ? `&for=${encodeURIComponent(who)}` : ""}`, MOST)) {
      last = page;
      for (const each of page.items) found.set(keyOf(each), withStanding(each));
      for (const each of page.short) short.set(JSON.stringify([each.platform, each.shop]), each);
    }
    if (turn !== reading || !dialog.open) return;
    items = [...found.values()];
    missing = [...short.values()].map((each) => t("shortOf", { shop: `${each.platform}/${each.shop}`, shown: number(each.shown), total: number(each.total) }));
    if (missing.length > SHORT_SHOWN) missing.splice(SHORT_SHOWN, Infinity, t("shortMore", { n: number(missing.length - SHORT_SHOWN) }));
    if (last.next) missing.push(t("shortEnd", { n: number(MOST) }));
    [readAt, wrong] = [clock.now(), ""];
  } catch (error) {
    if (turn !== reading || !dialog.open) return;
    wrong = error.message;
  }
  draw();
  if (dialog.open) again = setTimeout(read, AGAIN_MS);
}

const carrierOf = (each) => each.carrier ?? (each.logistics ? t(`logistics.${each.logistics}`) : "");

// Until when an order must be due to be listed; the days are those of whoever looks.
function cutOff() {
  const now = clock.now();
  const midnight = new Date(now);
  midnight.setHours(24, 0, 0, 0);
  return { overdue: now, in4h: now + 4 * 3600e3, today: midnight.getTime(), tomorrow: midnight.getTime() + 24 * 3600e3 }[wanted.due] ?? Infinity;
}

function fits(each, until) {
  return (!wanted.platform || each.platform === wanted.platform)
    && (!wanted.shop || each.shop === wanted.shop)
    && (!wanted.warehouse || each.warehouse === wanted.warehouse)
    && (!wanted.carrier || carrierOf(each) === wanted.carrier)
    && Date.parse(each.due_at) <= until
    && (!wanted.packed || wanted.for || !each.packed);
}

const keyOf = (each) => JSON.stringify([each.platform, each.shop, each.order, each.parcel ?? ""]);

function listed() {
  const until = cutOff();
  return (items ?? []).filter((each) => fits(each, until));
}

function draw() {
  const frame = JSON.stringify([language, wanted.for, wanted.platform, wanted.shop, me]);
  if (drawn !== frame) {
    drawn = frame;
    frameOf();
  }
  const list = listed();
  const options = (name, all, values) => {
    const select = dialog.querySelector(`[name=${name}]`);
    const has = [...new Set([...values, wanted[name]].filter(Boolean))].sort();
    if (select.dataset.has !== JSON.stringify(has)) {
      select.dataset.has = JSON.stringify(has);
      fill(select, h("option", { value: "" }, t(all)), has.map((each) => h("option", { value: each }, each)));
    }
    select.value = wanted[name];
  };
  options("warehouse", "anyWarehouse", (items ?? []).map((each) => each.warehouse));
  options("carrier", "anyCarrier", (items ?? []).map(carrierOf));
  dialog.querySelector("[name=due]").value = wanted.due;
  if (!wanted.for) dialog.querySelector("[name=hide]").checked = Boolean(wanted.packed);
  for (const button of dialog.querySelectorAll("[data-for]")) button.setAttribute("aria-pressed", button.dataset.for === wanted.for);
  dialog.querySelector(".number").textContent = items === null ? "" : t("pickCount", { n: number(list.length), total: number(items.length) });
  dialog.querySelector(".as-of").textContent = items === null ? "" : t("pickedAt", { at: longMoment(readAt) });
  dialog.querySelector("header .wrong").textContent = wrong ? t("failed", { why: wrong }) : "";
  dialog.querySelector("header .short").textContent = notWhole();
  const focused = document.activeElement?.closest?.("tbody tr") ? document.activeElement : null;
  keyed(dialog.querySelector("tbody"), list, keyOf, (each) => JSON.stringify([each, language, namesRead(), me]), row);
  if (focused && !focused.isConnected) focusAgain(focused);
  dialog.querySelector("table").hidden = !list.length;
  const empty = dialog.querySelector(".empty");
  empty.hidden = Boolean(list.length);
  const nothing = items?.length ? "nothingToPick" : wanted.for ? "noChase" : "noDue";
  empty.textContent = items === null && wrong ? "" : t(items === null ? "loading" : nothing);
}

const notWhole = () => (missing.length ? t("notWhole", { which: missing.join("; ") }) : "");

// A row that was made anew gives the focus back to what had it.
function focusAgain(gone) {
  const key = gone.closest("tr")?.dataset.key;
  const row = [...dialog.querySelectorAll("tbody tr")].find((each) => each.dataset.key === key);
  row?.querySelector(gone.matches("input") ? "input" : "a")?.focus({ preventScroll: true });
}

// Which shop the list is of, where it is of one; pressed, it is of all.
const onlyShop = () => h("button", { type: "button", class: "chip only-shop", title: t("onlyShop", { shop: wanted.shop }), onclick: () => { wanted.platform = ""; choose("shop", ""); } }, `${wanted.platform}/${wanted.shop} ✕`);

function frameOf() {
  const pick = (name, ...options) => h("select", { name, "aria-label": t({ warehouse: "warehouse", carrier: "carrier", due: "cutOff" }[name]), onchange: (event) => choose(name, event.target.value) }, options);
  const hide = h("input", { type: "checkbox", name: "hide", onchange: (event) => choose("packed", event.target.checked ? "hide" : "") });
  const which = [["", "due"], ["carrier", "chase"]].map(([value, word]) => h("button", { type: "button", data: { for: value }, onclick: () => choose("for", value) }, t(word)));
  const columns = [["packed", "tick"], ["dueAt"], ["order"], ["qty"], ["shop"], ["warehouse"], ["carrier"], ["saves", "saves"]].filter(([name]) => !(wanted.for && name === "packed"));
  dialog.setAttribute("aria-label", t("picks"));
  fill(dialog,
    h("header", {},
      h("h2", {}, t("picks"), " ", h("span", { class: "number" })),
      h("div", { class: "choice" }, which),
      h("div", { class: "filters" },
        pick("warehouse"), pick("carrier"),
        pick("due", CUT_OFFS.map((each) => h("option", { value: each }, t(WORDS[each])))),
        wanted.shop ? onlyShop() : null,
        wanted.for ? null : [h("label", { class: "switch" }, hide, h("span", {}, t("hidePacked"))), nameField()],
      ),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "primary", onclick: () => window.print() }, t("print")),
        h("button", { type: "button", onclick: () => save(`${t("picks")}${missing.length ? ` (${t("notWholeFile")})` : ""}.csv`, csv(table())) }, t("csv")),
        copyButton(() => tabbed([...table(), ...(missing.length ? [[notWhole()]] : [])]), t("copyList")),
      ),
      h("p", { class: "as-of dim" }),
      h("p", { class: "wrong", role: "alert" }),
      h("p", { class: "short", role: "status" }),
      closeButton(dialog),
    ),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("picks") },
      h("table", {}, h("thead", {}, h("tr", {}, columns.map(([name, css]) => h("th", { scope: "col", class: css ?? null }, t(name))))), h("tbody")),
      h("p", { class: "empty" }),
    ),
  );
}

function row(each) {
  const quantities = each.items?.length ? each.items : (each.skus ?? []).map((sku) => ({ sku }));
  return h("tr", { class: each.packed ? "done" : null },
    wanted.for ? null : h("td", { class: "tick" }, packedBox(each, read), h("span", { class: "box", "aria-hidden": "true" })),
    h("td", { class: "by-when" }, countdown(each.due_at, each.at), h("time", { datetime: each.due_at, title: longMoment(each.due_at) }, moment(each.due_at))),
    h("td", {}, orderLink(each), each.parcel ? h("small", { class: "parcel dim" }, `${t("parcel")} ${each.parcel}`) : null),
    h("td", {}, h("ul", { class: "plain" }, quantities.map(({ sku, qty }) => h("li", {}, qty === undefined ? null : [h("b", {}, number(qty, 3)), " × "], h("code", {}, sku))))),
    h("td", {}, shopName(each)),
    h("td", {}, each.warehouse),
    h("td", {}, carrierOf(each), each.tracking_no ? [" ", h("code", {}, each.tracking_no)] : null),
    h("td", { class: "saves" }, saved(each.saves), (each.saves?.clauses ?? []).map((clause) => chip(clauseName(clause), "", clause))),
  );
}

// What is listed, as a table for other programs: one line for each SKU of an order.
function table() {
  const names = ["platform", "shop", "order", "parcel", "warehouse", "due_at", "sku", "qty", "carrier", "tracking_no", "packed_by", "packed_at"];
  const rows = listed().flatMap((each) => {
    const quantities = each.items?.length ? each.items : [{ sku: "", qty: "" }];
    return quantities.map(({ sku, qty }) => [each.platform, new Name(each.shop), new Name(each.order), new Name(each.parcel), each.warehouse, each.due_at, new Name(sku), qty, each.carrier ?? each.logistics, new Name(each.tracking_no), each.packed?.by, each.packed?.at]);
  });
  return [names, ...rows];
}

// j and k go from order to order, Space ticks, Enter opens.
function onKey(event) {
  if (event.target.matches("select, input:not([type=checkbox])")) return;
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const rows = [...dialog.querySelectorAll("tbody tr")];
  const next = rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(document.activeElement.closest("tr")) + step))];
  next?.querySelector("input, a")?.focus();
  event.preventDefault();
}
