// An alert's row, the orders to ship next, and the parcels to chase the carrier for.

import { wanted } from "./address.js";
import { fill, h, keyed } from "./dom.js";
import { alertTitle, moment, number, ruleName, summary, t, word } from "./i18n.js";
import { namesRead } from "./names.js";
import { orderHash, orderLink } from "./order_link.js";
import { whoPacked } from "./packed.js";
import { chip, countdown, mark, saved, shopName } from "./parts.js";
import { emptyState } from "./empty.js";
import { dueFor, isFresh, isMuted } from "./store.js";

const DUE_AT_ONCE = 40;
const FRESH_MS = 2000;
const room = { due: DUE_AT_ONCE };

// Within its group a row needn't name the shop.
export function alertRow(alert, open, withShop = true) {
  const data = alert.data;
  const level = data.state === "open" ? data.severity : "resolved";
  const fresh = isFresh(alert, FRESH_MS);
  const row = h("button", { class: `alert ${level}${fresh ? " fresh" : ""}`, type: "button", data: alert.order ? { order: orderHash(alert) } : {}, onclick: () => open(data.alert) },
    mark(level),
    h("span", { class: "body" },
      h("span", { class: "head" },
        withShop ? shopName(alert) : null,
        h("span", { class: "stage" }, withShop ? `${alertTitle(alert)} · ${stage(data)}` : stage(data)),
        when(alert),
      ),
      h("span", { class: "summary", title: data.summary }, summary(alert)),
      alert.acknowledged || isMuted(alert) ? h("span", { class: "said" }, remark("acknowledged", alert.acknowledged), isMuted(alert) ? remark("muted", alert.muted) : null) : null,
    ),
  );
  return alert.order ? h("div", { class: "alertline" }, row, h("a", { class: "to-order", href: orderHash(alert), title: t("order"), "aria-label": `${t("order")} ${alert.order}` }, "↗")) : row;
}

function when({ data, time }) {
  if (data.state === "open" && data.stage === "active") return h("span", { class: "when" }, data.until ? t("until", { at: moment(data.until) }) : t("forGood"));
  return data.due_at && data.state === "open" ? countdown(data.due_at) : h("time", { class: "when", datetime: time }, moment(time));
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
  if (dueFor !== wanted.dueFor) { // only the other list has been read, or none
    fill(container);
    return fill(container.nextElementSibling, h("p", { class: "empty" }, t("loading")));
  }
  const many = new Set(list.map((each) => each.warehouse)).size > 1;
  keyed(container, list.slice(0, room.due), (each) => `${each.platform}/${each.shop}/${each.order}/${each.parcel ?? ""}`, (each) => JSON.stringify([each, many, namesRead(), document.documentElement.lang]), (each) => dueRow(each, many));
  const hidden = list.length - room.due;
  foot(container, list.length, hidden > 0 ? () => { room.due += DUE_AT_ONCE; again(); } : null, dueFor ? "noChase" : "noDue", hidden);
  if (unlisted > 0 && list.length <= room.due) fill(container.nextElementSibling, h("p", { class: "empty" }, t("unlisted", { n: number(unlisted) })));
}

function dueRow(each, withWarehouse) {
  return h("li", { class: "due" },
    countdown(each.due_at, each.at),
    h("span", { class: "what" }, orderLink(each), shopName(each), each.packed ? chip(t("packed"), "ok", whoPacked(each.packed)) : null),
    h("span", { class: "rules" }, (each.rules ?? []).map((rule) => chip(ruleName(rule), "", rule)), each.carrier ? chip(each.carrier, "place", t("carrier")) : null, each.tracking_no ? h("code", { title: t("trackingNo") }, each.tracking_no) : null, withWarehouse ? chip(each.warehouse, "place", t("warehouse")) : null),
    h("span", { class: "saves", title: t("saves") }, saved(each.saves)),
  );
}

// What stands below a list: why it is empty, or how to see more of it.
export function foot(container, count, more, empty, hidden = null) {
  const below = container.nextElementSibling;
  if (!count) fill(below, emptyState(empty));
  else moreButton(below, more, hidden === null ? t("showMore") : t("more", { n: number(hidden) }));
}

// The button stays what it is while it is there, so that it can be pressed again and keeps the focus.
export function moreButton(below, more, text) {
  if (!more) return fill(below);
  let button = below.firstElementChild;
  if (!button?.matches(".more") || below.childElementCount > 1) fill(below, (button = h("button", { class: "more", type: "button" })));
  button.onclick = more;
  if (button.textContent !== text) button.textContent = text;
}
