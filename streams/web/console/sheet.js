// One alert: why, what it costs, what to do, its trail, and what people say of it.

import { alertWithTrail, lift, say } from "./api.js";
import { fill, h } from "./dom.js";
import { alertTitle, language, longMoment, moment, number, percent, summary, t, word } from "./i18n.js";
import { remark, stage } from "./alerts.js";
import { ruleOf } from "./names.js";
import { chip, countdown, evidence, mark, shopName, sum } from "./parts.js";
import { isMuted, me, takeAlert } from "./store.js";

const NAME = "shipclock-name";
const ENDS = [["", "noEnd"], ["1", "hours1"], ["4", "hours4"], ["24", "hours24"], ["168", "days7"], ["own", "ownEnd"]];

let dialog, onChange;
let shown = null;
let revision = null;

export function prepare(element, changed) {
  dialog = element;
  onChange = changed;
  dialog.addEventListener("close", () => {
    if (dialog.open) return; // the word of closing comes late, and another alert has been opened meanwhile
    shown = null;
    if (location.hash) history.replaceState(null, "", location.pathname);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

export async function open(alert, focus = null) {
  shown = alert;
  revision = null;
  fill(dialog, h("p", { class: "empty" }, t("loading")));
  if (!dialog.open) dialog.showModal();
  history.replaceState(null, "", `#/alerts/${encodeURIComponent(alert)}`);
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
    head(h("div", { class: "line" }, mark(level), chip(level === "resolved" ? t("resolved") : t(level), level), chip(stage(data)), data.state === "open" && data.due_at ? countdown(data.due_at) : null), h("h2", {}, summary(alert)), summary(alert) === data.summary ? null : h("small", { class: "dim" }, data.summary)),
    h("div", { class: "scroll" },
      facts(alert),
      data.state === "open" || alert.acknowledged || alert.muted ? remarks(alert) : null,
      (data.actions ?? []).length ? section(t("actions"), h("ul", { class: "actions" }, data.actions.map((each) => h("li", {}, h("b", {}, word("to", each.to)), " ", word("do", each.do))))) : null,
      data.penalty ? section(t("penalty"), h("p", {}, cost(data.penalty))) : null,
      ruleSection(data.rule),
      section(t("evidence"), evidence(data.evidence)),
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
  return [sum(penalty), points, penalty.effect].filter(Boolean).join(" — ");
}

function facts(alert) {
  const data = alert.data;
  const ratio = data.value !== null && data.value !== undefined && data.threshold !== null && data.threshold < 1 && data.value <= 1;
  const figure = (value) => (ratio ? percent(value) : number(value, 2));
  const rows = [
    [t("shop"), shopName(alert)],
    alert.order ? [t("order"), h("code", {}, alert.order)] : null,
    [t("rule"), h("span", {}, alertTitle(alert), " ", h("span", { class: "dim" }, h("code", {}, data.rule), " ", data.clause))],
    data.value !== null && data.value !== undefined ? [t("value"), `${figure(data.value)}${data.threshold === null || data.threshold === undefined ? "" : ` / ${figure(data.threshold)}`}${headroom(data)}`] : null,
    data.due_at ? [t("dueAt"), longMoment(data.due_at)] : null,
    "until" in data ? [t("end"), data.until ? longMoment(data.until) : t("forGood")] : null,
    [t("opened"), longMoment(data.opened_at)],
  ];
  return h("dl", { class: "pairs top" }, rows.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function headroom(data) {
  if (data.headroom === null || data.headroom === undefined) return "";
  return ` · ${data.headroom < 0 ? t("over", { n: number(-data.headroom, 1) }) : t("headroom", { n: number(data.headroom, 1) })}`;
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
  const lifts = given.filter(([, , said]) => said).map(([kind, what, said]) => h("p", { class: "given" }, remark(kind, said), me.mayAct ? h("button", { type: "button", name: `lift-${what}`, onclick: (event) => act(event.target, () => lift(alert.data.alert, what)) }, t("lift")) : null));
  if (alert.data.state !== "open" || !me.mayAct) return h("section", {}, lifts);
  const end = h("select", { name: "end", onchange: () => (own.hidden = end.value !== "own") }, ENDS.map(([value, label]) => h("option", { value }, t(label))));
  const own = h("input", { name: "own", type: "datetime-local", hidden: true, "aria-label": t("ownEnd") });
  const comment = h("input", { name: "comment", maxlength: 2000, autocomplete: "off" });
  const by = h("input", { name: "by", maxlength: 200, autocomplete: "name", value: localStorage.getItem(NAME) ?? "" });
  const send = (what) => (event) => {
    localStorage.setItem(NAME, by.value);
    act(event.target, () => say(alert.data.alert, what, { comment: comment.value || null, by: by.value || null, until: untilOf(end.value, own.value) }));
  };
  const form = h("form", { class: "say", onsubmit: (event) => event.preventDefault(), oninput: () => form.classList.add("dirty") },
    h("label", {}, t("comment"), comment),
    me.person ? null : h("label", {}, t("by"), by),
    h("label", {}, t("end"), end, own),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", name: "acknowledge", onclick: send("acknowledge") }, t("acknowledge")),
      h("button", { type: "button", name: "mute", title: t("muteHint"), onclick: send("mute") }, t("mute")),
      h("small", { class: "dim" }, t("worseHint")),
    ),
  );
  return h("section", { class: "remarks" }, lifts, form);
}

function untilOf(end, own) {
  if (end === "own") return own ? new Date(own).toISOString() : null;
  return end ? new Date(Date.now() + Number(end) * 3600e3).toISOString() : null;
}

async function act(button, change) {
  const about = shown;
  button.disabled = true;
  try {
    takeAlert(await change());
    onChange();
    if (about !== shown) return; // the line may bring a change before its answer, and the person has moved on
    dialog.querySelector("form")?.classList.remove("dirty");
    await load();
  } catch (error) {
    button.disabled = false;
    dialog.querySelector(".wrong")?.remove();
    button.closest("section").append(h("p", { class: "wrong", role: "alert" }, t("failed", { why: error.message })));
  }
}
