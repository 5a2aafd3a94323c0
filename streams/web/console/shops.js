// The list of shops, the one most at risk first.

import { fill, h, keyed } from "./dom.js";
import { clauseName, day, language, longMoment, moment, number, packText, percent, ruleName, t, tierText } from "./i18n.js";
import { ledgerRule, namesRead } from "./names.js";
import { chip, mark, shopName, sum } from "./parts.js";
import { emptyState } from "./empty.js";
import { readTrends, trendsOf } from "./trends.js";
import { byRisk, clock, forecastOf, isMinimum, isSilent, risk, shopKey } from "./store.js";

const opened = new Set();
const CALM_SHOWN = 8;
let allCalm = false;

export function showShops(container, list, again) {
  const ranked = list.map((shop) => ({ shop, counts: shop.alerts, ...risk(shop) })).sort(byRisk);
  const calm = ranked.filter((each) => each.level === "ok");
  const shown = allCalm ? ranked : [...ranked.filter((each) => each.level !== "ok"), ...calm.slice(0, CALM_SHOWN)];
  const hidden = ranked.length - shown.length;
  keyed(container, shown, (each) => shopKey(each.shop), (each) => JSON.stringify([namesRead(), each.level, each.feed, each.shop.metrics, each.shop.ledgers, each.shop.sanctions, each.shop.exposure, each.shop.open_alerts, each.counts, document.documentElement.lang]), make);
  const foot = container.nextElementSibling;
  if (!ranked.length) fill(foot, emptyState("noShops"));
  else if (hidden) fill(foot, h("button", { class: "more", onclick: () => { allCalm = true; again(); } }, t("calmShops", { n: hidden })));
  else fill(foot);
}

function make({ shop, counts, level, metrics, feed }) {
  const key = shopKey(shop);
  const ledgers = Object.entries(shop.ledgers ?? {});
  const worst = figureOf(shop, level, metrics);
  const cause = worst || !counts?.clauses ? null : Object.keys(counts.clauses).find((clause) => counts.clauses[clause] === level);
  const its = () => h("button", { class: "its", type: "button", onclick: (event) => event.target.dispatchEvent(new CustomEvent("only-shop", { detail: { platform: shop.platform, shop: shop.shop }, bubbles: true })) }, t("itsAlerts"));
  return h(
    "details",
    { class: `shop ${level}`, open: opened.has(key), ontoggle: (event) => toggled(event.target, shop) },
    h(
      "summary",
      {},
      mark(level),
      shopName(shop),
      h("span", { class: "worst" }, worst ? bar(worst) : cause ? h("span", { class: `meter ${level}` }, calledIn({ clause: cause, rule: null })) : null),
      h("span", { class: "chips" },
        level === "unwatched" ? chip(t("unwatched"), "unwatched", t("unwatchedHint")) : null,
        shop.at || level !== "silent" ? null : chip(t("unheard"), "feed silent", t("unheardHint")),
        isSilent(shop) ? chip(t("silentSince", { at: moment(shop.heard_at) }), "feed silent", t("silentHint")) : null,
        feedChip(feed),
        (shop.sanctions ?? []).map((each) => chip(packText(each.name ?? each.clause), "critical", sanctionUntil(each))),
        ledgers.filter(([, ledger]) => ledger.points > 0).map(([name, ledger]) => chip(pointsText(shop, name, ledger), "ledger", ledgerName(shop, name))),
        sum(shop.exposure) ? chip(`${t("exposure")} ${sum(shop.exposure)}`, "money", t("exposureHint")) : null,
      ),
      h("span", { class: "counts" }, counted(counts, shop.open_alerts)),
    ),
    h("div", { class: "inside" }, metrics.map((each) => metricRow(each, isPunished(shop, each))), ledgers.map(([name, ledger]) => ledgerRow(shop, name, ledger)), (shop.sanctions ?? []).map(sanctionRow), (feed?.feeds ?? []).map(feedRow), its(), opened.has(key) ? trendsOf(shop) : null),
  );
}

// Its trends are read once it is open.
function toggled(element, shop) {
  if (!element.open) return opened.delete(shopKey(shop));
  opened.add(shopKey(shop));
  if (!element.querySelector(".trends")) element.querySelector(".inside").append(trendsOf(shop));
  readTrends();
}

function counted(counts, openAlerts) {
  const some = ["critical", "warning", "info"].filter((severity) => counts?.[severity]);
  if (!some.length && openAlerts) return h("span", { class: "dim" }, t("openAlerts", { n: number(openAlerts) }));
  return some.map((severity) => h("span", { class: `count ${severity}`, title: t(severity) }, mark(severity), number(counts[severity])));
}

const shown = (metric, value) =>
  value === null || value === undefined ? "—" : metric.denominator === null || metric.denominator === undefined ? number(value, 2) : percent(value);

const called = ({ clause, rule }) => (rule ? ruleName(rule) : clauseName(clause));

const calledIn = (measure) => h("span", { class: "clause", title: `${called(measure)} (${measure.rule ?? measure.clause})` }, called(measure));

// A ratio on its way to the threshold, which is the line; what is expected is hatched.
function bar(measure) {
  const { metric, level } = measure;
  const forecast = forecastOf(metric);
  const most = Math.max(metric.threshold * (isMinimum(metric) ? 1.25 : 2), metric.value ?? 0, forecast?.value ?? 0) || 1;
  const share = (value) => `${Math.min(100, Math.max(0, (100 * (value ?? 0)) / most)).toFixed(2)}%`;
  const ahead = forecast && forecast.value > (metric.value ?? 0);
  const told = forecast ? `, ${t("forecast", { value: shown(metric, forecast.value) })}` : "";
  const label = `${called(measure)}: ${shown(metric, metric.value)}, ${t("threshold")} ${shown(metric, metric.threshold)}${told}`;
  return h("span", { class: `meter ${level}` },
    calledIn(measure),
    h("span", { class: "track", role: "img", "aria-label": label, title: label, vars: { value: share(metric.value), threshold: share(metric.threshold), forecast: share(forecast?.value) } },
      ahead ? h("span", { class: "ahead" }) : null,
      h("span", { class: "fill" }),
      h("span", { class: "line" }),
    ),
    h("span", { class: "figure" }, shown(metric, metric.value), h("small", {}, ` / ${shown(metric, metric.threshold)}`)),
  );
}

// A sanction is in force: what is measured since isn't what the shop is punished for.
const isPunished = (shop, measure) => (shop.sanctions ?? []).some((each) => each.clause === measure.clause);

// The figure that makes the shop's level; of a calm shop the one nearest to its threshold. None where something else
// makes the level: a late order, a sanction.
function figureOf(shop, level, metrics) {
  const figures = metrics.filter((each) => each.near !== null && !isPunished(shop, each));
  const making = figures.find((each) => each.level === level && level !== "ok");
  if (making || level === "critical" || level === "warning" || level === "info") return making;
  return figures.find((each) => !(isMinimum(each.metric) && each.level === "ok"));
}

// The headroom in words. Of a share, how many orders may still go bad. A count is reached at its limit. The terminal
// says the same (`Metric.room`).
export function room(metric) {
  const { headroom, value, threshold, denominator } = metric;
  if ([headroom, value, threshold].some((each) => each === null || each === undefined)) return null;
  const isCount = denominator === null || denominator === undefined;
  if (isCount && headroom === 0) return t("atLimit");
  const [enough, lacking] = isMinimum(metric) ? ["spare", "short"] : isCount ? ["toGo", "past"] : ["headroom", "over"];
  return t(headroom < 0 ? lacking : enough, { n: number(Math.abs(headroom), 1) });
}

function expected(measure, show) {
  const forecast = forecastOf(measure);
  if (!forecast) return null;
  const value = show(forecast.value);
  return forecast.at ? t("forecastAt", { value, at: moment(forecast.at) }) : t("forecast", { value });
}

const reported = (measure, show) => (measure.reported ? t("reported", { value: show(measure.reported.value) }) : null);

function metricRow(measure, punished) {
  const { metric, near } = measure;
  const show = (value) => shown(metric, value);
  const notes = [
    metric.denominator ? t("of", { n: number(metric.numerator ?? 0), d: number(metric.denominator) }) : null,
    near === null ? null : punished ? t("countsAgain") : room(metric),
    expected(metric, show),
    metric.forecast?.if_silent ? t("ifSilent", { value: show(metric.forecast.if_silent.value) }) : null,
    reported(metric, show),
    ...Object.entries(metric.by ?? {}).slice(0, 3).map(([what, value]) => `${what} ${number(value, 1)}`),
    metric.window?.from ? t("window", { from: day(metric.window.from), to: day(Date.parse(metric.window.to) - 1) }) : null,
  ];
  return h("div", { class: "row" },
    near === null ? h("span", { class: "meter none" }, calledIn(measure), h("span", { class: "figure" }, show(metric.value))) : bar(measure),
    h("span", { class: "notes" }, notes.filter(Boolean).join(" · ")),
  );
}

const ledgerName = (shop, name) => ledgerRule(shop.platform, name)?.titles[language] ?? t("ledger", { name });

// "10 of 12 points, then frozen for 7 days"; the points alone where they lead to nothing.
export function pointsText(shop, name, ledger) {
  const n = number(ledger.points ?? 0, 1);
  if (!ledger.next_tier || ledger.headroom === null || ledger.headroom === undefined) return `${name.length > 1 ? "" : `${name} `}${t("points", { n })}`;
  const tier = ledgerRule(shop.platform, name)?.tiers.find((each) => each.name === ledger.next_tier);
  return t("pointsOf", { n, at: number(tier?.at ?? ledger.points + ledger.headroom, 1), tier: tierText(ledger.next_tier, tier?.lasts_days) });
}

function ledgerRow(shop, name, ledger) {
  const show = (value) => number(value, 1);
  const notes = [
    ledger.next_tier ? pointsText(shop, name, ledger) : null,
    expected(ledger, show),
    reported(ledger, show),
    ledger.since ? t("since", { at: day(ledger.since) }) : null,
    ledger.resets_at ? t("resets", { at: longMoment(ledger.resets_at) }) : null,
  ];
  return h("div", { class: "row" },
    h("span", { class: "meter none" }, h("span", { class: "clause", title: t("ledger", { name }) }, ledgerName(shop, name)), h("span", { class: "figure" }, t("points", { n: show(ledger.points ?? 0) }))),
    h("span", { class: "notes" }, notes.filter(Boolean).join(" · ")),
  );
}

const sanctionUntil = (sanction) => (sanction.until ? t("until", { at: longMoment(sanction.until) }) : t("forGood"));

function sanctionRow(sanction) {
  const from = Date.parse(sanction.from);
  const whole = Date.parse(sanction.until) - from;
  const gone = whole ? Math.min(100, Math.max(0, (100 * (clock.now() - from)) / whole)) : 100;
  return h("div", { class: "row" },
    h("span", { class: "meter critical" }, h("span", { class: "clause", title: sanction.clause }, clauseName(sanction.clause)), h("span", { class: "track served", vars: { value: `${gone.toFixed(1)}%` } }, h("span", { class: "fill" })), h("span", { class: "figure" }, sanction.name ? packText(sanction.name) : t("sanction"))),
    h("span", { class: "notes" }, sanctionUntil(sanction)),
  );
}

const FEED_LEVELS = { healthy: "ok", late: "info", silent: "warning" };

// Only a feed that isn't well is worth a word beside the shop's name.
function feedChip(feed) {
  if (!feed || feed.state === "healthy") return null;
  const told = feed.since ? t(`feed.${feed.state}Since`, { at: moment(feed.since) }) : `${t("feed")} ${t(`feed.${feed.state}`)}`;
  return chip(told, `feed ${FEED_LEVELS[feed.state]}`, t("feed.unheard"));
}

function feedRow(feed) {
  const level = FEED_LEVELS[feed.state];
  const heard = feed.heard_at ? t(`feed.heard.${feed.by}`, { at: longMoment(feed.heard_at) }) : t("feed.never");
  return h("div", { class: "row feed" },
    h("span", { class: `meter ${level}` }, h("span", { class: "clause" }, t("feed")), h("span", { class: "what" }, t(`feed.by.${feed.by}`, { source: feed.source, app: feed.app })), h("span", { class: "figure" }, mark(level, t(`feed.${feed.state}`)), " ", t(`feed.${feed.state}`))),
    h("span", { class: "notes" }, heard),
  );
}
