// Small pieces that several lists show.

import { h } from "./dom.js";
import { clock } from "./store.js";
import { orderLink } from "./order_link.js";
import { evidenceText, longMoment, moment, money, number, span, t, word } from "./i18n.js";

const SHAPES = { critical: "◆", warning: "▲", info: "●", ok: "✓", resolved: "✓", unwatched: "○", silent: "○" };

// A severity by its shape as well as its colour.
export const mark = (level, label = t(level)) =>
  h("span", { class: `mark ${level}`, title: label, role: "img", "aria-label": label }, SHAPES[level] ?? "·");

export const chip = (text, level = "", title = null) => h("span", { class: `chip ${level}`, title }, text);

export const shopName = (each) => h("span", { class: "shopname" }, h("i", {}, each.platform), h("b", { title: each.shop }, each.shop));

const URGENT_MS = 6 * 3600e3;
const SOON_MS = 24 * 3600e3;

// A deadline that counts down; `tick` keeps all of them going. Where the worker goes by the events' time, `asOf` is the
// moment at which what is shown was so.
export function countdown(at, asOf = null) {
  const element = h("time", { class: "countdown", datetime: at, title: longMoment(at), data: { due: String(Date.parse(at)) } });
  if (asOf) element.dataset.asOf = String(Date.parse(asOf));
  tell(element);
  return element;
}

function tell(element) {
  const now = clock.kind === "event" ? Number(element.dataset.asOf ?? clock.now()) : clock.now();
  const left = Number(element.dataset.due) - now;
  const text = left >= 0 ? t("dueIn", { time: span(left) }) : t("overdue", { time: span(left) });
  if (element.textContent !== text) element.textContent = text;
  const level = left < 0 ? "past" : left < URGENT_MS ? "critical" : left < SOON_MS ? "warning" : "ok";
  if (element.dataset.level !== level) element.dataset.level = level;
}

// How long ago the oldest of several began, which `tick` keeps going as well.
export function age(since) {
  const element = h("span", { class: "dim", title: longMoment(since), data: { since: String(Date.parse(since)) } });
  tellAge(element);
  return element;
}

function tellAge(element) {
  const text = t("oldestFor", { time: span(clock.now() - Number(element.dataset.since)) });
  if (element.textContent !== text) element.textContent = text;
}

export function tick() {
  for (const element of document.querySelectorAll("[data-due]")) tell(element);
  for (const element of document.querySelectorAll("[data-since]")) tellAge(element);
}

export const sum = (exposure) =>
  exposure ? [exposure, ...(exposure.others ?? [])].filter((each) => each.amount).map((each) => money(each.amount, each.currency)).join(" + ") : "";

export function saved(saves) {
  if (!saves) return "";
  const points = Object.entries(saves.points ?? {}).map(([ledger, each]) => `${ledger} ${t("points", { n: number(each, 1) })}`);
  return [sum(saves), ...points].filter(Boolean).join(" · ");
}

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/;

// Any JSON as text that a person can check: instants in local time, the rest as it is. Orders of the shop `of` are links.
export function evidence(value, of = null, name = "") {
  if (value === null || value === undefined) return "—";
  if (Array.isArray(value)) {
    if (value.every((each) => each === null || typeof each !== "object")) return h("span", { class: "codes" }, value.map((each) => (of && name === "orders" ? orderLink({ ...of, order: String(each) }) : h("code", {}, String(each)))));
    return h("div", { class: "stack" }, value.map((each) => evidence(each, of)));
  }
  if (typeof value === "object") {
    return h("dl", { class: "pairs" }, Object.entries(value).map(([name, each]) => [h("dt", {}, word("field", name)), h("dd", {}, evidence(each, of, name))]));
  }
  if (typeof value === "string" && INSTANT.test(value)) return h("time", { datetime: value, title: value }, moment(value));
  if (typeof value === "number") return number(value, 4);
  if (of && name === "order") return orderLink({ ...of, order: String(value) });
  return typeof value === "string" ? evidenceText(value) : String(value);
}
