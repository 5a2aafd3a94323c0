// One alert: why, what it costs, what to do, its trail, and what people say of it.

import * as address from "./address.js";
import { alertWithTrail, lift, say, sayOfGroup } from "./api.js";
import { fill, h } from "./dom.js";
import { alertTitle, language, longMoment, moment, number, packText, percent, summary, t, word } from "./i18n.js";
import { remark, stage } from "./alerts.js";
import { costOf, worstOf } from "./groups.js";
import { ruleOf } from "./names.js";
import { orderLink } from "./order_link.js";
import { chip, countdown, evidence, mark, shopName, sum } from "./parts.js";
import { act, sayForm } from "./say.js";
import { room } from "./shops.js";
import { isMuted, me } from "./store.js";

let dialog, onChange;
let shown = null;
let revision = null;

export function prepare(element, changed) {
  dialog = element;
  onChange = changed;
  dialog.addEventListener("close", () => {
    if (dialog.open) return; // the word of closing comes late, and another alert has been opened meanwhile
    shown = null;
    address.write();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

export async function open(alert, focus = null) {
  shown = alert;
  revision = null;
  fill(dialog, h("p", { class: "empty" }, t("loading")));
  if (!dialog.open) dialog.showModal();
  address.write(alert);
  await load();
  if (focus) dialog.querySelector(`[name=${focus}]`)?.focus();
}

// Called when an alert has changed; what somebody is typing stays.
export async function refresh(alert) {
  if (alert === shown && dialog.open && !dialog.querySelector("form.dirty")) await load();
}

async function load() {
  const wanted = shown;
  try {
    const alert = await alertWithTrail(wanted);
    if (wanted !== shown) return;
    const sign = JSON.stringify([alert.data.revision, alert.acknowledged, alert.muted]);
    if (sign === revision) return;
    revision = sign;
    draw(alert);
  } catch (error) {
    if (wanted !== shown) return;
    fill(dialog, head(h("h2", {}, wanted)), h("p", { class: "empty" }, error.status === 404 ? t("gone") : t("failed", { why: error.message })));
  }
}

const head = (...inside) => h("header", {}, inside, h("button", { class: "close", type: "button", title: t("close"), "aria-label": t("close"), onclick: () => dialog.close() }, "✕"));

const section = (title, ...inside) => h("section", {}, h("h3", {}, title), inside);

function draw(alert) {
  const data = alert.data;
  const level = data.state === "open" ? data.severity : "resolved";
  fill(dialog,
    head(h("div", { class: "line" }, mark(level), chip(level === "resolved" ? t("resolved") : t(level), level), chip(stage(data)), data.state === "open" && data.due_at ? countdown(data.due_at) : null), h("h2", {}, summary(alert))),
    h("div", { class: "scroll" },
      facts(alert),
      data.state === "open" || alert.acknowledged || alert.muted ? remarks(alert) : null,
      (data.actions ?? []).length ? section(t("actions"), h("ul", { class: "actions" }, data.actions.map((each) => h("li", {}, h("b", {}, word("to", each.to)), " ", word("do", each.do))))) : null,
      data.penalty ? section(t("penalty"), h("p", {}, cost(data.penalty))) : null,
      ruleSection(data.rule),
      section(t("evidence"), evidence(data.evidence, alert)),
      section(t("trail"), h("ol", { class: "trail" }, [...alert.trail].reverse().map(step))),
    ),
  );
}

// What the platform demands, where that is from and how sure it is; nothing of a rule whose pack isn't loaded.
function ruleSection(id) {
  const rule = ruleOf(id);
  if (!rule) return null;
  const link = rule.link ? h("p", {}, h("a", { href: rule.link, rel: "noreferrer", target: "_blank" }, t("ruleLink"))) : null;
  const source = h("p", { class: "dim" }, `${t("ruleSource")}: ${rule.source} (${word("confidence", rule.confidence)})`);
  return section(t("says"), rule.texts[language] ? h("p", {}, rule.texts[language]) : null, source, link);
}

function cost(penalty) {
  const points = penalty.points ? `${t("points", { n: number(penalty.points, 2) })}${penalty.ledger ? ` (${penalty.ledger})` : ""}` : "";
  return [sum(penalty), points, penalty.effect && packText(penalty.effect)].filter(Boolean).join(" — ");
}

function facts(alert) {
  const data = alert.data;
  const ratio = data.value !== null && data.value !== undefined && data.threshold !== null && data.threshold < 1 && data.value <= 1;
  const figure = (value) => (ratio ? percent(value) : number(value, 2));
  const rows = [
    [t("shop"), shopName(alert)],
    alert.order ? [t("order"), orderLink(alert)] : null,
    [t("rule"), h("span", {}, alertTitle(alert), " ", h("span", { class: "dim" }, h("code", {}, data.rule), " ", data.clause))],
    data.value !== null && data.value !== undefined ? [t("value"), `${figure(data.value)}${data.threshold === null || data.threshold === undefined ? "" : ` / ${figure(data.threshold)}`}${headroom(alert)}`] : null,
    data.due_at ? [t("dueAt"), longMoment(data.due_at)] : null,
    "until" in data ? [t("end"), data.until ? longMoment(data.until) : t("forGood")] : null,
    [t("opened"), longMoment(data.opened_at)],
  ];
  return h("dl", { class: "pairs top" }, rows.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// Of a sanction there is none: its figure is what brought it.
function headroom({ data }) {
  const said = "until" in data ? null : room({ ...data, denominator: data.evidence.denominator ?? data.evidence.best_possible });
  return said ? ` · ${said}` : "";
}

function step(record) {
  const data = record.data;
  return h("li", { class: data.state === "open" ? data.severity : "resolved" },
    h("time", { datetime: record.time, title: longMoment(record.time) }, moment(record.time)),
    h("span", {}, h("b", {}, word("type", record.type)), " ", [data.state === "open" ? word("stage", data.stage) : null, word("reason", data.reason), data.judgement > 1 ? t("judgement", { n: data.judgement }) : null].filter(Boolean).join(" · ")),
    h("small", {}, summary(record)),
  );
}

function remarks(alert) {
  const given = [["acknowledged", "acknowledge", alert.acknowledged], ["muted", "mute", isMuted(alert) ? alert.muted : null]];
  const lifts = given.filter(([, , said]) => said).map(([kind, what, said]) => h("p", { class: "given" }, remark(kind, said), me.mayAct ? h("button", { type: "button", name: `lift-${what}`, onclick: (event) => act(event.target, () => changed(() => lift(alert.data.alert, what))) }, t("lift")) : null));
  if (alert.data.state !== "open" || !me.mayAct) return h("section", {}, lifts);
  return h("section", { class: "remarks" }, lifts, sayForm((what, said) => changed(() => say(alert.data.alert, what, said))));
}

// The line may bring a change before its answer, and the person may have moved on by then.
async function changed(change) {
  const about = shown;
  await change();
  onChange();
  if (about !== shown) return;
  dialog.querySelector("form")?.classList.remove("dirty");
  await load();
}

// A whole group: how many, what they cost together, and what people say of all of them.
export function openGroup(group, focus = null) {
  shown = revision = null;
  const tell = (what, said) => groupChanged(() => sayOfGroup(group, what, said));
  const lifts = [["acknowledge", group.acknowledged], ["mute", group.muted]].filter(([, count]) => count).map(([what, count]) => h("p", { class: "given" }, chip(t(what === "mute" ? "mutedCount" : "acknowledgedCount", { n: number(count) })), h("button", { type: "button", name: `lift-${what}`, onclick: (event) => act(event.target, () => tell(`un${what}`, {})) }, t("lift"))));
  fill(dialog,
    head(h("div", { class: "line" }, mark(worstOf(group)), chip(t("alertCount", { n: number(group.count) }), worstOf(group)), shopName(group)), h("h2", {}, alertTitle(group.worst))),
    h("div", { class: "scroll" },
      h("dl", { class: "pairs top" }, groupFacts(group).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      me.mayAct ? h("section", { class: "remarks" }, h("p", {}, t("groupHint", { n: number(group.count) })), lifts, sayForm(tell)) : null,
    ),
  );
  if (!dialog.open) dialog.showModal();
  if (focus) dialog.querySelector(`[name=${focus}]`)?.focus();
}

function groupFacts(group) {
  return [
    [t("rule"), h("span", {}, h("code", {}, group.rule), " ", h("span", { class: "dim" }, group.clause))],
    [t("oldest"), longMoment(group.oldest)],
    group.due_at ? [t("nextDue"), longMoment(group.due_at)] : null,
    costOf(group) ? [t("penalty"), costOf(group)] : null,
  ].filter(Boolean);
}

async function groupChanged(change) {
  await change();
  dialog.close();
  onChange();
}
