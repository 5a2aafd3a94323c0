// What shops' ratios and points were, day by day: read of the shops that are looked at, one after the other, and kept
// for a while. An element that shows some says of which shop and how many days in `data-trends-of`.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { ruleName, t } from "./i18n.js";
import { ruleOf } from "./names.js";
import { chart, dayName, described, figureOf } from "./trend_chart.js";
import { clock } from "./store.js";

const FRESH_MS = { wall: 5 * 60e3, event: 30e3 }; // the day that goes on is written every ten minutes
const SOON_MS = 15e3; // what failed, or isn't there yet, is asked for again after this
const SHORT_DAYS = 30;

const kept = new Map(); // what was read, or why it couldn't be, and until when it holds
const waiting = new Set();
const shows = new WeakMap(); // how an element shows what was read
let queue = Promise.resolve();

// All trends of a shop, over their windows.
export function trendsOf(shop) {
  const box = h("section", { class: "trends", "aria-label": t("trends"), data: { trendsOf: asked(shop) } });
  fill(box, note(t("loading")));
  return showing(box, ({ items, zone, error }) => {
    if (error) fill(box, note(t("trendsFailed", { why: error }), "wrong"), h("button", { type: "button", class: "its", onclick: () => readAnew(box) }, t("tryAgain")));
    else if (items.length) fill(box, items.map((trend) => figure(shop, trend)));
    else fill(box, note(t(zone ? "nothingCounted" : "noTrends")));
  });
}

// A short chart of one of a shop's rules, or of the first of a clause's that has one. Nothing where there is none.
export function shortTrend(shop, { rule = null, clause = null }) {
  const box = h("span", { class: "short-trend", data: { trendsOf: asked(shop, SHORT_DAYS) } });
  return showing(box, ({ items }) => {
    const found = items?.find((each) => (rule ? each.rule === rule : ruleOf(each.rule)?.clause === clause));
    fill(box, found?.points.length > 1 ? chart(found) : null);
  });
}

// Reads those that can be seen and aren't known, or not anew for a while.
export function readTrends() {
  for (const box of document.querySelectorAll("[data-trends-of]")) {
    const of = box.dataset.trendsOf;
    if (waiting.has(of) || performance.now() < (kept.get(of)?.until ?? 0) || !box.parentElement.checkVisibility()) continue;
    waiting.add(of);
    queue = queue.then(() => read(of)); // one at a time: of each the worker reads a partition
  }
}

const asked = ({ platform, shop }, days = null) => `/api/trends?${new URLSearchParams({ platform, shop, ...(days && { days }) })}`;

const note = (text, css = "dim") => h("p", { class: css }, text);

function showing(box, show) {
  shows.set(box, show);
  const found = kept.get(box.dataset.trendsOf);
  if (found) show(found);
  return box;
}

function readAnew(box) {
  kept.delete(box.dataset.trendsOf);
  fill(box, note(t("loading")));
  readTrends();
}

async function read(of) {
  const found = await get(of).then(({ items, zone }) => ({ items, zone }), (error) => ({ error: error.message }));
  const before = kept.get(of);
  const shown = found.error && before?.items ? before : found; // what is known stays
  kept.set(of, { ...shown, until: performance.now() + (found.items?.length ? FRESH_MS[clock.kind] : SOON_MS) });
  waiting.delete(of);
  for (const box of document.querySelectorAll("[data-trends-of]")) if (box.dataset.trendsOf === of) shows.get(box)(shown);
}

function figure(shop, trend) {
  const last = trend.points.findLast((each) => each.value !== null);
  const threshold = last?.threshold ?? null;
  return h("figure", { class: "trend", data: { key: JSON.stringify([shop.platform, shop.shop, trend.rule]) } },
    h("figcaption", {},
      h("span", { class: "clause", title: described(trend) }, ruleName(trend.rule)),
      h("span", { class: "figure" }, last ? figureOf(trend, last.value) : "—", threshold === null ? null : h("small", {}, ` / ${figureOf(trend, threshold)}`)),
    ),
    chart(trend),
    h("small", { class: "days dim", "aria-hidden": "true" }, h("span", {}, dayName(trend.first_day)), h("span", {}, dayName(trend.last_day))),
  );
}
