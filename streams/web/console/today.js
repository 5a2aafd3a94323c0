// What a day begins with: what to do first, what costs most, and what has changed since yesterday.

import { get } from "./api.js";
import { fill, h, keyed } from "./dom.js";
import { emptyState } from "./empty.js";
import { alertTitle, clauseName, language, listed, moment, number, packText, ruleName, t, word } from "./i18n.js";
import { namesRead } from "./names.js";
import { chip, countdown, mark, shopName, sum } from "./parts.js";
import { pointsText } from "./shops.js";
import * as store from "./store.js";
import { shortTrend } from "./trends.js";
import { drawYesterday } from "./yesterday.js";

const { measured, shopKey } = store;

const SOON_MS = 5000;
const $ = (id) => document.getElementById(id);

let morning = null;
let wait = null;

export async function readToday() {
  morning = await get("/api/morning");
}

// A moment after anything has changed.
export function readTodaySoon(draw) {
  wait ??= setTimeout(async () => {
    await readToday().catch(() => null); // the line says by itself when it is broken
    wait = null;
    draw();
  }, SOON_MS);
}

export function drawToday() {
  drawYesterday();
  if (morning === null) {
    for (const list of ["task", "cost", "change"]) fill(below(list), h("p", { class: "empty" }, t("loading")));
    return;
  }
  const { tasks, shops, changes } = morning;
  const sign = (each) => JSON.stringify([each, namesRead(), language]);
  keyed($("task-list"), tasks, (each) => JSON.stringify([shopKey(each), each.work_list, each.rules[0]]), sign, taskRow);
  keyed($("cost-list"), shops, shopKey, (shop) => sign([shop, worstClause(shop), levelOf(shop)]), costRow);
  keyed($("change-list"), changes, (each) => JSON.stringify([shopKey(each), each.rule]), sign, changeRow);
  foot("task", tasks.length, "noTasks");
  foot("cost", shops.length, "noCosts", morning.shops_total - shops.length);
  foot("change", changes.length, "noChanges", morning.changes_total - changes.length);
  $("change-total").textContent = changes.length ? counted(morning) : "";
}

const below = (list) => $(`${list}-list`).nextElementSibling;

function foot(list, count, empty, more = 0) {
  if (!count) fill(below(list), emptyState(empty, false));
  else fill(below(list), more > 0 ? h("p", { class: "dim" }, t("more", { n: number(more) })) : null);
}

const points = (sums) => Object.entries(sums).map(([ledger, each]) => `${ledger === "points" ? "" : `${ledger} `}${t("points", { n: number(each, 1) })}`);

const money = (sums) => sums.map((each) => sum(each)).join(" + ");

function taskRow(task) {
  const asked = task.actions.map((each) => h("span", {}, h("b", {}, word("to", each.to)), " ", word("do", each.do)));
  const waiting = task.work_list ? t(task.work_list === "ship" ? "ordersWait" : "parcelsWait", { n: number(task.waiting) }) : t("alertCount", { n: number(task.alerts) });
  return h("li", { class: `task ${task.severity}` },
    h("a", { href: task.link.slice(1) },
      mark(task.severity),
      h("span", { class: "body" },
        h("span", { class: "asked" }, asked, task.due_at ? countdown(task.due_at) : null),
        h("span", { class: "about" }, shopName(task), h("span", { class: "dim" }, `${alertTitle(task.worst)} · ${task.order ? `${t("order")} ${task.order}` : waiting}`)),
        h("span", { class: "chips" }, worth(task)),
      ),
    ),
  );
}

// What doing it saves, where that is known; else what the alerts behind it cost.
function worth(task) {
  const cost = [money(task.money), ...points(task.points)].filter(Boolean).join(" · ");
  return [
    task.active ? chip(`${t("sanction")} ${task.until ? t("until", { at: moment(task.until) }) : t("forGood")}`, "critical") : null,
    cost ? chip(t("byAlerts", { what: cost }), task.money.length ? "money" : "ledger", t("byAlertsHint")) : null,
    task.saves ? saved(task.saves) : null,
  ];
}

function saved(saves) {
  const sums = [money(saves.money), ...points(saves.points)].filter(Boolean).join(" · ");
  const what = [sums, listed(saves.clauses.map(clauseName))].filter(Boolean).join(" · ");
  return chip(t("savesOf", { n: number(saves.orders), what }), "ok", t("savesHint"));
}

// The clause that is worst there.
const worstClause = (shop) => measured(store.shops.get(shopKey(shop)) ?? {}).find((each) => each.near !== null && !each.rule)?.clause ?? null;

// As the list of shops has it, once that is read.
function levelOf(shop) {
  const standing = store.shops.get(shopKey(shop));
  if (standing) return store.risk(standing).level;
  return shop.sanctions.length || shop.alerts.critical ? "critical" : shop.alerts.warning ? "warning" : "info";
}

function costRow(shop) {
  const level = levelOf(shop);
  const ledgers = Object.entries(shop.ledgers).filter(([, ledger]) => ledger.points > 0);
  return h("li", { class: `cost ${level}` },
    h("a", { href: `#/shops/${[shop.platform, shop.shop].map(encodeURIComponent).join("/")}` },
      mark(level),
      h("span", { class: "body" },
        shopName(shop),
        h("span", { class: "chips" },
          shop.sanctions.map((each) => chip(`${packText(each.name ?? clauseName(each.clause))} · ${each.until ? t("until", { at: moment(each.until) }) : t("forGood")}`, "critical", t("sanction"))),
          atStake(shop),
          ledgers.map(([name, ledger]) => chip(pointsText(shop, name, ledger), "ledger")),
        ),
      ),
      h("span", { class: "counts" }, ["critical", "warning"].filter((each) => shop.alerts[each]).map((each) => h("span", { class: `count ${each}`, title: t(each) }, mark(each), number(shop.alerts[each])))),
    ),
    shortTrend(shop, { clause: worstClause(shop) }),
  );
}

// The live figure; where a shop has none, what its alerts say.
function atStake({ exposure, money: sums }) {
  if (exposure) return chip(`${t("exposure")} ${sum(exposure)}`, "money", t("exposureHint"));
  return sums.length ? chip(t("byAlerts", { what: money(sums) }), "money", t("byAlertsHint")) : null;
}

const counted = (change) => ["opened", "worse", "resolved"].filter((each) => change[each]).map((each) => t(`changed.${each}`, { n: number(change[each]) })).join(" · ");

function changeRow(change) {
  const { platform, shop, rule } = change;
  return h("li", { class: "change" },
    h("a", { href: `#/alerts?${new URLSearchParams({ platform, shop, q: rule, resolved: "1" })}` },
      shopName(change), h("span", { class: "dim" }, ruleName(rule)), h("span", { class: "figures" }, counted(change))),
  );
}
