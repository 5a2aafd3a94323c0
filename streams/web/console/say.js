// The form in which somebody acknowledges or mutes an alert, or a whole group.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { me } from "./store.js";

const NAME = "shipclock-name";
// What is muted by chance must not be hidden for good: without an end chosen a mute lasts a day.
const ENDS = [["", "usualEnd"], ["never", "noEnd"], ["1", "hours1"], ["4", "hours4"], ["24", "hours24"], ["168", "days7"], ["own", "ownEnd"]];

// `say(what, said)` tells the worker.
export function sayForm(say) {
  const end = h("select", { name: "end", onchange: () => (own.hidden = end.value !== "own") }, ENDS.map(([value, label]) => h("option", { value }, t(label))));
  const own = h("input", { name: "own", type: "datetime-local", hidden: true, "aria-label": t("ownEnd") });
  const comment = h("input", { name: "comment", maxlength: 2000, autocomplete: "off" });
  const by = h("input", { name: "by", maxlength: 200, autocomplete: "name", value: localStorage.getItem(NAME) ?? "" });
  const send = (what) => (event) => {
    localStorage.setItem(NAME, by.value);
    act(event.target, () => say(what, { comment: comment.value || null, by: by.value || null, until: untilOf(end.value || (what === "mute" ? "24" : "never"), own.value) }));
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
  return form;
}

function untilOf(end, own) {
  if (end === "own") return own ? new Date(own).toISOString() : null;
  return end === "never" ? null : new Date(Date.now() + Number(end) * 3600e3).toISOString();
}

// Runs what a button asks for; a failure is said below it.
export async function act(button, change) {
  button.disabled = true;
  const section = button.closest("section");
  try {
    await change();
  } catch (error) {
    section.querySelector(".wrong")?.remove();
    section.append(h("p", { class: "wrong", role: "alert" }, t("failed", { why: error.message })));
  }
  button.disabled = false;
}
