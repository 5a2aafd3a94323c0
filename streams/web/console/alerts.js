// The list of alerts, the orders to ship next, and the parcels to chase the carrier for.

import { fill, h, keyed } from "./dom.js";
import { alertTitle, moment, number, ruleName, summary, t, word } from "./i18n.js";
import { namesRead } from "./names.js";
import { chip, countdown, mark, saved, shopName } from "./parts.js";
import { complete, dueFor, isMuted } from "./store.js";

const AT_ONCE = 100;
const DUE_AT_ONCE = 40;
const FRESH_MS = 2000;
const room = { alerts: AT_ONCE, due: DUE_AT_ONCE };

export function showAlerts(container, list, open, again) {
  keyed(container, list.slice(0, room.alerts), (alert) => alert.data.alert, (alert) => JSON.stringify([alert.data.revision, alert.acknowledged, isMuted(alert), document.documentElement.lang]), (alert) => row(alert, open));
  foot(container, list.length, "alerts", AT_ONCE, "noAlerts", again);
}

function row(alert, open) {
  const data = alert.data;
  const level = data.state === "open" ? data.severity : "resolved";
  const fresh = performance.now() - (alert.heard ?? -FRESH_MS) < FRESH_MS;
  return h("button", { class: `alert ${level}${fresh ? " fresh" : ""}`, type: "button", onclick: () => open(data.alert) },
    mark(level),
    h("span", { class: "body" },
      h("span", { class: "head" },
        shopName(alert),
        h("span", { class: "stage" }, `${alertTitle(alert)} · ${stage(data)}`),
        data.due_at && data.state === "open" ? countdown(data.due_at) : h("time", { class: "when", datetime: alert.time }, moment(alert.time)),
      ),
      h("span", { class: "summary", title: data.summary }, summary(alert)),
      alert.acknowledged || isMuted(alert) ? h("span", { class: "said" }, remark("acknowledged", alert.acknowledged), isMuted(alert) ? remark("muted", alert.muted) : null) : null,
    ),
  );
}

export function stage(data) {
  if (data.state !== "open") return `${t("resolved")} · ${word("reason", data.reason)}`;
  const parts = [word("stage", data.stage)];
  if (data.judgement > 1) parts.push(t("judgement", { n: data.judgement }));
  return parts.join(" · ");
}

export function remark(kind, said) {
  if (!said) return null;
  const text = t(kind === "muted" ? "mutedBy" : "acknowledgedBy", { by: said.by ?? t("somebody") });
  const until = said.until ? ` · ${t("until", { at: moment(said.until) })}` : "";
  return chip(`${text}${until}${said.comment ? ` · ${said.comment}` : ""}`, kind);
}

// `unlisted` more wait that the shops' standings don't list.
export function showDue(container, list, unlisted, again) {
  const many = new Set(list.map((each) => each.warehouse)).size > 1;
  keyed(container, list.slice(0, room.due), (each) => `${each.platform}/${each.shop}/${each.order}/${each.parcel ?? ""}`, (each) => JSON.stringify([each, many, namesRead(), document.documentElement.lang]), (each) => dueRow(each, many));
  foot(container, list.length, "due", DUE_AT_ONCE, dueFor ? "noChase" : "noDue", again);
  if (unlisted > 0 && list.length <= room.due) fill(container.nextElementSibling, h("p", { class: "empty" }, t("unlisted", { n: number(unlisted) })));
}

function dueRow(each, withWarehouse) {
  return h("li", { class: "due" },
    countdown(each.due_at, each.at),
    h("span", { class: "what" }, h("code", { title: each.order }, each.order), shopName(each)),
    h("span", { class: "rules" }, (each.rules ?? []).map((rule) => chip(ruleName(rule), "", rule)), each.carrier ? chip(each.carrier, "place", t("carrier")) : null, each.tracking_no ? h("code", { title: t("trackingNo") }, each.tracking_no) : null, withWarehouse ? chip(each.warehouse, "place", t("warehouse")) : null),
    h("span", { class: "saves", title: t("saves") }, saved(each.saves)),
  );
}

function foot(container, count, name, step, empty, again) {
  const hidden = count - room[name];
  const below = container.nextElementSibling;
  if (!count) fill(below, h("p", { class: "empty" }, t(complete ? empty : "loading")));
  else if (hidden > 0) fill(below, h("button", { class: "more", type: "button", onclick: () => { room[name] += step; again(); } }, t("more", { n: number(hidden) })));
  else fill(below);
}
