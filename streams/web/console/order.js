// One order: what is known of it, every deadline, where it counts and why, and its alerts.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { day, language, longMoment, moment, number, percent, ruleName, summary, t, word } from "./i18n.js";
import { namesRead } from "./names.js";
import { closeButton, copyButton, page, pathOf } from "./order_link.js";
import { packedBox } from "./packed.js";
import { chip, countdown, evidence, mark, shopName } from "./parts.js";

const AGAIN_MS = 5000;
const LEVELS = { overdue: "critical", due_soon: "warning", met_late: "warning", open: "", met: "ok" };

let shown = null;
let asked = null;
let sign = "";
let again = null;

const { dialog, follow } = page("orders", "sheet order-page", open, forget);

export function prepareOrders() {
  follow();
}

function open(_, [platform, shop, ...rest]) {
  const wanted = { platform, shop: shop ?? "", order: rest.join("/") };
  if (shown && pathOf(shown) === pathOf(wanted)) return;
  forget();
  shown = wanted;
  fill(dialog, head(h("h2", {}, wanted.order)), h("p", { class: "empty" }, t("loading")));
  load();
}

function forget() {
  clearTimeout(again);
  shown = null;
  sign = "";
}

// Read anew every few seconds while it is open, and drawn only where something has changed.
async function load() {
  const wanted = (asked = shown);
  clearTimeout(again);
  try {
    const order = await get(`/api/orders/${pathOf(wanted)}`);
    if (wanted !== shown || wanted !== asked) return;
    const now = JSON.stringify([{ ...order, at: null }, language, namesRead()]);
    if (now !== sign) {
      sign = now;
      draw(order);
    }
  } catch (error) {
    if (wanted !== shown || sign) return again_();
    const unknown = error.status === 404;
    fill(dialog, head(h("h2", {}, wanted.order)), h("p", { class: "empty" }, unknown ? t("orderUnknown", { order: wanted.order, shop: `${wanted.platform}/${wanted.shop}` }) : t("failed", { why: error.message })));
  }
  again_();
}

function again_() {
  if (shown) again = setTimeout(() => shown && load(), AGAIN_MS);
}

const head = (...inside) => h("header", {}, inside, closeButton(dialog));

const section = (title, ...inside) => h("section", {}, h("h3", {}, title), inside);

const some = (list, title, make) => (list.length ? section(title, make(list)) : null);

function draw(order) {
  const scrolled = dialog.querySelector(".scroll")?.scrollTop ?? 0;
  const focused = dialog.contains(document.activeElement) ? document.activeElement.name : "";
  dialog.setAttribute("aria-label", t("orderOf", { order: order.order }));
  fill(dialog,
    head(
      h("div", { class: "line" }, mark(levelOf(order)), chip(t(`state.${order.state}`), levelOf(order)), shopLink(order), chip(order.warehouse, "place", t("warehouse"))),
      h("h2", { class: "number-of-order" }, h("code", {}, order.order), " ", copyButton(order.order)),
      h("div", { class: "verdict" }, verdict(order).map((each) => h("p", {}, each))),
      order.waits_to_be_shipped ? packedBox(order, load) : null,
    ),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("orderOf", { order: order.order }) },
      section(t("itsAlertsNow"), order.alerts.length ? h("ul", { class: "plain" }, order.alerts.map(alertLine)) : h("p", { class: "dim" }, t("noAlertsOfIt"))),
      some(order.deadlines, t("deadlines"), () => h("ul", { class: "plain" }, order.deadlines.map(deadline))),
      some(order.ratios, t("counts"), () => h("ul", { class: "plain" }, order.ratios.map(ratio))),
      some(order.marks, t("marks"), (marks) => h("ul", { class: "plain" }, marks.map(markLine))),
      section(t("lines"), order.lines.length ? lines(order.lines) : h("p", { class: "dim" }, t("noLines"))),
      section(t("parcels"), order.parcels.length ? evidence(order.parcels) : h("p", { class: "dim" }, t("noParcels"))),
      some(order.left_out, t("leftOut"), (left) => h("dl", { class: "pairs" }, left.map((each) => [h("dt", {}, h("code", {}, each.what)), h("dd", {}, each.why)]))),
      some(order.odd, t("odd"), (odd) => h("ul", {}, odd.map((each) => h("li", {}, each)))),
      section(t("facts"), evidence(order.facts)),
      order.terms ? section(t("terms"), evidence(Object.fromEntries(Object.entries(order.terms).filter(([, value]) => value !== null && value !== false)))) : null,
      h("p", { class: "dim" }, t("pickedAt", { at: longMoment(order.at) })),
    ),
  );
  dialog.querySelector(".scroll").scrollTop = scrolled;
  if (focused) dialog.querySelector(`[name="${focused}"]`)?.focus();
}

function levelOf({ verdict: { overdue, due_soon: soon, bad_in: bad, why } }) {
  if (overdue.length) return "critical";
  if (soon.length || bad.length) return "warning";
  return why === "unwatched" || why === "unknown" ? "none" : "ok";
}

function verdict(order) {
  const said = order.verdict;
  if (said.in_trouble) {
    return ["overdue", "due_soon", "bad_in"].filter((each) => said[each].length).map((each) => t(`verdict.${each}`, { rules: said[each].map(ruleName).join(", ") }));
  }
  if (said.why === "in_time") return [t("verdict.in_time", { rule: ruleName(said.next.rule), at: moment(said.next.due_at) })];
  if (["nothing_awaited", "unwatched", "unpaid", "unknown"].includes(said.why)) return [t(`verdict.${said.why}`)];
  return [t("verdict.over", { state: t(`state.${said.why}`) })];
}

const shopLink = (order) => h("a", { class: "toshop", href: `#/shops/${encodeURIComponent(order.platform)}/${encodeURIComponent(order.shop)}`, title: t("toShop") }, shopName(order));

const alertLine = (alert) =>
  h("li", {}, mark(alert.data.state === "open" ? alert.data.severity : "resolved"), h("a", { href: `#/alerts/${encodeURIComponent(alert.data.alert)}` }, summary(alert)));

const nameOf = (each) => h("span", { class: "rule-name", title: each.rule }, ruleName(each.rule), " ", h("small", { class: "dim" }, each.clause));

function deadline(each) {
  const waits = each.state === "open" || each.state === "due_soon" || each.state === "overdue";
  let when = null;
  if (waits) when = countdown(each.due_at);
  else if (each.met_at) when = h("span", {}, t("metBy", { fact: t(`fact.${each.met_by}`), at: moment(each.met_at) }));
  else if (each.state === "not_begun" && each.from.length) when = h("span", { class: "dim" }, t("beginsWith", { facts: each.from.map((fact) => t(`fact.${fact}`)).join(", ") }));
  return h("li", { class: "rowed" },
    chip(t(`deadline.${each.state}`), LEVELS[each.state] ?? ""),
    h("span", {}, nameOf(each), each.parcel ? h("code", { title: t("parcels") }, each.parcel) : null, each.judgement > 1 ? chip(t("judgement", { n: each.judgement })) : null),
    when,
    each.due_at && each.state !== "not_applicable" ? h("time", { datetime: each.due_at, class: "dim", title: longMoment(each.due_at) }, moment(each.due_at)) : null,
  );
}

function ratio(each) {
  const level = each.bad && each.now ? "warning" : "";
  const notes = [
    each.counts ? t("countsOn", { day: day(`${each.day}T12:00:00`) }) : null,
    each.now ? figures(each.now) : each.counts ? t("notNow") : null,
    each.because.length ? `${t("because")}: ${each.because.map(reason).join("; ")}` : null,
  ];
  return h("li", { class: "rowed" },
    chip(t(each.counts ? (each.bad ? "countsBad" : "countsGood") : "countsNot"), each.counts ? level || "ok" : ""),
    nameOf(each),
    h("span", { class: "dim" }, notes.filter(Boolean).join(" · ")),
  );
}

function figures(now) {
  const share = now.value === null ? "" : ` (${percent(now.value)}${now.threshold === null ? "" : ` / ${percent(now.threshold)}`})`;
  return `${t("ratioNow", { n: number(now.numerator), d: number(now.denominator) })}${share}`;
}

function reason(why) {
  const name = why.name ? word("term", why.name) : "";
  const flag = why.is?.length === 1 && why.is[0] === true;
  const is = flag ? "" : (why.is ?? []).map((value) => word("is", value)).join(" / ");
  const key = `why.${why.not ? "not." : ""}${flag ? "flag" : why.what}`;
  const fact = why.fact ? t(`fact.${why.fact}`) : "";
  const narrowed = [...(why.by ?? []), ...(why.reason ?? [])].map((value) => String(value).replaceAll("_", " "));
  return t(key, { rule: ruleName(why.rule), fact, name, is }) + (narrowed.length ? ` (${narrowed.join(", ")})` : "");
}

const markLine = (each) =>
  h("li", { class: "rowed" }, h("time", { datetime: each.at, title: longMoment(each.at) }, moment(each.at)), nameOf(each), each.points === null ? null : chip(`${each.ledger} ${t("points", { n: number(each.points, 2) })}`, "ledger"));

function lines(list) {
  const columns = [["sku", (each) => h("code", {}, each.sku ?? each.line)], ["product", (each) => each.product ?? ""], ...["ordered", "cancelled", "shipped"].map((name) => [name, (each) => number(each[name], 3)])];
  return h("div", { class: "wide" }, h("table", {},
    h("thead", {}, h("tr", {}, columns.map(([name]) => h("th", { scope: "col" }, t(name))))),
    h("tbody", {}, list.map((each) => h("tr", {}, columns.map(([, make]) => h("td", {}, make(each)))))),
  ));
}

