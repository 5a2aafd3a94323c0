// The list of shops, the one most at risk first.

import { fill, h, keyed } from "./dom.js";
import { clause as clauseName, day, longMoment, moment, number, percent, t } from "./i18n.js";
import { chip, mark, shopName, sum } from "./parts.js";
import { byRisk, clock, forecastOf, levelOf, nearness, risk, shopKey } from "./store.js";

const opened = new Set();
const CALM_SHOWN = 8;
let allCalm = false;

export function showShops(container, list, counts, again) {
  const ranked = list
    .map((shop) => ({ shop, counts: counts.get(shopKey(shop)), ...risk(shop, counts.get(shopKey(shop))) }))
    .sort(byRisk);
  const calm = ranked.filter((each) => each.level === "ok");
  const shown = allCalm ? ranked : [...ranked.filter((each) => each.level !== "ok"), ...calm.slice(0, CALM_SHOWN)];
  const hidden = ranked.length - shown.length;
  keyed(container, shown, (each) => shopKey(each.shop), (each) => JSON.stringify([each.shop.metrics, each.shop.ledgers, each.shop.sanctions, each.shop.exposure, each.shop.open_alerts, each.counts, document.documentElement.lang]), make);
  const foot = container.nextElementSibling;
  if (!ranked.length) fill(foot, h("p", { class: "empty" }, t("noShops")));
  else if (hidden) fill(foot, h("button", { class: "more", onclick: () => { allCalm = true; again(); } }, t("calmShops", { n: hidden })));
  else fill(foot);
}

function make({ shop, counts, level }) {
  const key = shopKey(shop);
  const metrics = Object.entries(shop.metrics ?? {}).map(([clause, metric]) => ({ clause, metric, level: levelOf(metric), near: nearness(metric) ?? -1 }));
  metrics.sort((one, other) => other.near - one.near);
  const watched = metrics.filter((each) => each.near >= 0);
  const ledgers = Object.entries(shop.ledgers ?? {});
  return h(
    "details",
    { class: `shop ${level}`, open: opened.has(key), ontoggle: (event) => (event.target.open ? opened.add(key) : opened.delete(key)) },
    h(
      "summary",
      {},
      mark(level),
      shopName(shop),
      h("span", { class: "worst" }, watched.length ? bar(watched[0]) : null),
      h("span", { class: "chips" },
        (shop.sanctions ?? []).map((each) => chip(each.name ?? each.clause, "critical", sanctionUntil(each))),
        ledgers.filter(([, ledger]) => ledger.points > 0).map(([name, ledger]) => chip(`${name} ${t("points", { n: number(ledger.points, 1) })}`, "ledger")),
        sum(shop.exposure) ? chip(sum(shop.exposure), "money", t("exposure")) : null,
      ),
      h("span", { class: "counts" }, counted(counts, shop.open_alerts)),
    ),
    h("div", { class: "inside" }, metrics.map(metricRow), ledgers.map(ledgerRow), (shop.sanctions ?? []).map(sanctionRow),
      h("button", { class: "its", type: "button", onclick: (event) => event.target.dispatchEvent(new CustomEvent("only-shop", { detail: key, bubbles: true })) }, t("itsAlerts"))),
  );
}

function counted(counts, openAlerts) {
  const some = ["critical", "warning", "info"].filter((severity) => counts?.[severity]);
  if (!some.length && openAlerts) return h("span", { class: "dim" }, t("openAlerts", { n: number(openAlerts) }));
  return some.map((severity) => h("span", { class: `count ${severity}`, title: t(severity) }, mark(severity), number(counts[severity])));
}

const shown = (metric, value) =>
  value === null || value === undefined ? "—" : metric.denominator === null || metric.denominator === undefined ? number(value, 2) : percent(value);

// A ratio on its way to the threshold, which is the line; what is expected is hatched.
function bar({ clause, metric, level }) {
  const forecast = forecastOf(metric);
  const most = Math.max(metric.threshold * 2, metric.value ?? 0, forecast?.value ?? 0) || 1;
  const share = (value) => `${Math.min(100, Math.max(0, (100 * (value ?? 0)) / most)).toFixed(2)}%`;
  const ahead = forecast && forecast.value > (metric.value ?? 0);
  const told = forecast?.value !== null && forecast ? `, ${t("forecast", { value: shown(metric, forecast.value) })}` : "";
  const label = `${clause}: ${shown(metric, metric.value)}, ${t("threshold")} ${shown(metric, metric.threshold)}${told}`;
  return h("span", { class: `meter ${level}` },
    h("span", { class: "clause", title: clauseName(clause) }, clause),
    h("span", { class: "track", role: "img", "aria-label": label, title: label, vars: { value: share(metric.value), threshold: share(metric.threshold), forecast: share(forecast?.value) } },
      ahead ? h("span", { class: "ahead" }) : null,
      h("span", { class: "fill" }),
      h("span", { class: "line" }),
    ),
    h("span", { class: "figure" }, shown(metric, metric.value), h("small", {}, ` / ${shown(metric, metric.threshold)}`)),
  );
}

function metricRow({ clause, metric, level, near }) {
  const forecast = forecastOf(metric);
  const notes = clauseName(clause) === clause ? [] : [clauseName(clause).slice(clause.length + 1)];
  if (metric.denominator) notes.push(t("of", { n: number(metric.numerator ?? 0), d: number(metric.denominator) }));
  if (metric.headroom !== null && metric.headroom !== undefined) notes.push(metric.headroom < 0 ? t("over", { n: number(-metric.headroom, 1) }) : t("headroom", { n: number(metric.headroom, 1) }));
  if (forecast && forecast.value !== null) notes.push(forecast.at ? t("forecastAt", { value: shown(metric, forecast.value), at: moment(forecast.at) }) : t("forecast", { value: shown(metric, forecast.value) }));
  if (metric.window?.from) notes.push(t("window", { from: day(metric.window.from), to: day(Date.parse(metric.window.to) - 1) }));
  return h("div", { class: "row" },
    near >= 0 ? bar({ clause, metric, level }) : h("span", { class: "meter" }, h("span", { class: "clause", title: clauseName(clause) }, clause), h("span", { class: "figure" }, shown(metric, metric.value))),
    h("span", { class: "notes" }, notes.join(" · ")),
  );
}

function ledgerRow([name, ledger]) {
  const forecast = forecastOf(ledger);
  const next = ledger.next ?? ledger.threshold ?? null;
  const notes = [];
  if (next !== null && typeof next !== "object") notes.push(`${t("threshold")} ${number(next, 1)}`);
  if (forecast && forecast.value !== null) notes.push(t("forecast", { value: number(forecast.value, 1) }));
  if (ledger.since) notes.push(t("since", { at: day(ledger.since) }));
  if (ledger.resets_at) notes.push(t("resets", { at: longMoment(ledger.resets_at) }));
  return h("div", { class: "row" },
    h("span", { class: "meter" }, h("span", { class: "clause" }, t("ledger", { name })), h("span", { class: "figure" }, t("points", { n: number(ledger.points ?? 0, 1) }))),
    h("span", { class: "notes" }, notes.join(" · ")),
  );
}

const sanctionUntil = (sanction) => (sanction.until ? t("until", { at: longMoment(sanction.until) }) : t("forGood"));

function sanctionRow(sanction) {
  const from = Date.parse(sanction.from);
  const whole = Date.parse(sanction.until) - from;
  const gone = whole ? Math.min(100, Math.max(0, (100 * (clock.now() - from)) / whole)) : 100;
  return h("div", { class: "row" },
    h("span", { class: "meter critical" }, h("span", { class: "clause" }, sanction.clause), h("span", { class: "track served", vars: { value: `${gone.toFixed(1)}%` } }, h("span", { class: "fill" })), h("span", { class: "figure" }, sanction.name ?? t("sanction"))),
    h("span", { class: "notes" }, sanctionUntil(sanction)),
  );
}
