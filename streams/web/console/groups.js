// Alerts by shop and rule, the worst first. A group opens to its alerts; one of a single alert is that alert's row.

import { alertRow, foot, moreButton } from "./alerts.js";
import { fill, h, keyed } from "./dom.js";
import { alertTitle, moment, number, t } from "./i18n.js";
import { namesRead } from "./names.js";
import { age, chip, mark, shopName, sum } from "./parts.js";
import { groupKey, groups, groupsAfter, isMuted, me, opened, resolved } from "./store.js";

const SEVERITIES = ["critical", "warning", "info"];

export const worstOf = (group) => SEVERITIES.find((each) => group.severities[each]) ?? "info";

// Money, points and sanctions of a group in a line.
export function costOf(group) {
  const points = Object.entries(group.points).map(([ledger, each]) => `${ledger === "points" ? "" : `${ledger} `}${t("points", { n: number(each, 1) })}`);
  return [group.money.map((each) => sum(each)).join(" + "), ...points].filter(Boolean).join(" · ");
}

// `act` has what a person may do: open an alert or a group's sheet, open and close a group, show more.
export function showGroups(container, act) {
  const language = document.documentElement.lang;
  const rows = [...groups.map((group) => ({ group })), ...resolved.map((alert) => ({ alert }))];
  const key = ({ group, alert }) => (group ? groupKey(group) : alert.data.alert);
  const sign = ({ group, alert }) => JSON.stringify([group ?? [alert.data.revision, alert.acknowledged, isMuted(alert)], group && opened.has(key({ group })), namesRead(), language]);
  keyed(container, rows, key, sign, ({ group, alert }, before) => (group ? groupRow(group, before, act) : alertRow(alert, act.open)));
  for (const element of container.children) {
    const inside = opened.get(element.dataset.key);
    if (inside && element.matches(".group")) showInside(element.querySelector(".inside"), inside, act);
  }
  foot(container, rows.length, groupsAfter ? act.more : null, "noAlerts");
}

function groupRow(group, before, act) {
  const level = worstOf(group);
  if (group.count === 1) return alertRow(group.worst, act.open);
  const key = groupKey(group);
  const isOpen = opened.has(key);
  const bar = h("div", { class: "bar" },
    h("button", { class: "grouphead", type: "button", "aria-expanded": String(isOpen), onclick: () => act.toggle(group) },
      mark(level),
      h("span", { class: "body" },
        h("span", { class: "head" }, shopName(group), counts(group)),
        h("span", { class: "title" }, alertTitle(group.worst)),
        h("span", { class: "cost" }, costs(group)),
      ),
    ),
    !me.mayAct ? null : h("button", { class: "quiet", type: "button", name: "say", title: t("sayOfAll"), "aria-label": `${t("sayOfAll")}: ${group.shop}, ${alertTitle(group.worst)}`, onclick: () => act.openGroup(group) }, "✓…"),
  );
  const element = before?.matches(".group") ? before : h("div", {}, bar); // kept, so that focus in it stays
  element.className = `group ${level}`;
  element.firstElementChild.replaceWith(bar);
  const inside = element.querySelector(".inside");
  if (isOpen && !inside) element.append(h("div", { class: "inside" }, h("div", { class: "rows" }), h("footer")));
  if (!isOpen) inside?.remove();
  return element;
}

const counts = (group) =>
  h("span", { class: "counts" }, SEVERITIES.filter((each) => group.severities[each]).map((each) => h("span", { class: `count ${each}`, title: t(each) }, mark(each), number(group.severities[each]))));

function costs(group) {
  const cost = costOf(group);
  return [
    group.active ? chip(group.until ? t("until", { at: moment(group.until) }) : t("forGood"), "critical", t("sanction")) : null,
    cost ? chip(cost, group.money.length ? "money" : "ledger", t("byAlertsHint")) : null,
    age(group.oldest),
    group.acknowledged ? chip(t("acknowledgedCount", { n: number(group.acknowledged) }), "acknowledged") : null,
    group.muted ? chip(t("mutedCount", { n: number(group.muted) }), "muted") : null,
  ];
}

function showInside(inside, { items, next }, act) {
  if (items === null) return fill(inside.lastElementChild, h("p", { class: "empty" }, t("loading")));
  const sign = (alert) => JSON.stringify([alert.data.revision, alert.acknowledged, isMuted(alert), document.documentElement.lang]);
  keyed(inside.firstElementChild, items, (alert) => alert.data.alert, sign, (alert) => alertRow(alert, act.open, false));
  const key = inside.closest(".group").dataset.key;
  moreButton(inside.lastElementChild, next ? () => act.moreOf(key) : null, t("showMore"));
}
