// How figures stand against the end of yesterday: money at stake, open alerts, and the ratios and points that moved.

import { get } from "./api.js";
import { fill, h, keyed } from "./dom.js";
import { language, longMoment, money, number, ruleName, t } from "./i18n.js";
import { namesRead } from "./names.js";
import { chip, mark, shopName } from "./parts.js";
import { SEVERITIES, shopKey } from "./store.js";
import { figureOf } from "./trend_chart.js";
import { shortTrend } from "./trends.js";

const $ = (id) => document.getElementById(id);

let yesterday = null;
let readAt = null; // when it was last read
let failed = ""; // why it could not be read again

export async function readYesterday() {
  try {
    yesterday = await get("/api/yesterday");
    [readAt, failed] = [new Date(), ""];
  } catch (error) {
    failed = error.message;
  }
}

export function drawYesterday() {
  const { shops = 0, moved = [], moved_total: total = 0 } = yesterday ?? {};
  fill($("yesterday-totals"), shops ? totals() : null);
  keyed($("moved-list"), moved, (each) => JSON.stringify([shopKey(each), each.rule]), (each) => JSON.stringify([each, namesRead(), language]), movedRow);
  fill($("moved-list").nextElementSibling, remark(shops, total, total - moved.length));
}

function remark(shops, total, more) {
  if (failed && readAt === null) return h("p", { class: "wrong" }, t("yesterdayFailed", { why: failed }));
  if (failed) return h("p", { class: "wrong" }, t("yesterdayOld", { at: longMoment(readAt), why: failed }));
  if (yesterday === null) return h("p", { class: "dim" }, t("loading"));
  if (!shops) return h("p", { class: "dim" }, t("noYesterday"));
  if (!total) return h("p", { class: "dim" }, t("nothingMoved"));
  return more ? h("p", { class: "dim" }, t("moreMoved", { n: number(more) })) : null;
}

const fromTo = (before, now) => t("fromTo", { before, now });

// Which way a figure has gone, in a word, as colour alone doesn't tell everybody.
const gone = (worse, text = t(worse ? "gotWorse" : "gotBetter")) => chip(text, worse ? "warning" : "ok");

const moreIsWorse = (before, now) => (Number(before) === Number(now) ? null : gone(Number(now) > Number(before)));

function totals() {
  const counts = SEVERITIES.map((each) => [each, yesterday.open_alerts[each]]).filter(([, count]) => count.before || count.now);
  const rows = [
    ...yesterday.exposure.map((each) => [t("atStake"), [fromTo(money(each.before, each.currency), money(each.now, each.currency)), moreIsWorse(each.before, each.now)]]),
    [t("openCount"), counts.length ? counts.map(([each, { before, now }]) => h("span", { class: `count ${each}` }, mark(each), fromTo(number(before), number(now)), " ", moreIsWorse(before, now))) : "0"],
  ];
  return rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}

function movedRow(each) {
  const figure = (value) => figureOf(each, value);
  return h("li", { class: "change" },
    h("a", { href: `#/shops/${[each.platform, each.shop].map(encodeURIComponent).join("/")}` },
      shopName(each),
      h("span", { class: "dim" }, ruleName(each.rule)),
      each.crossed ? gone(each.worse, t(each.worse ? "crossed" : "crossedBack")) : gone(each.worse),
      h("span", { class: "figures" }, h("b", {}, fromTo(figure(each.before), figure(each.now))), h("small", { class: "dim" }, ` / ${figure(each.threshold)}`)),
    ),
    shortTrend(each, { rule: each.rule }),
  );
}
