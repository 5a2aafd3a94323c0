// Links to one order's page, and what people may do with its number.

import { h } from "./dom.js";
import { t } from "./i18n.js";

const NAME = "shipclock-name"; // the same as in the form for acks
const COPIED_MS = 1500;

export const pathOf = (each) => [each.platform, each.shop, each.order].map(encodeURIComponent).join("/");

export const orderHash = (each) => `#/orders/${pathOf(each)}`;

// The number in full: those who ship tell orders apart by its last digits.
export const orderLink = (each, text = each.order) => h("a", { class: "order", href: orderHash(each) }, h("code", {}, text));

export const myName = () => localStorage.getItem(NAME) ?? "";

export const setMyName = (name) => localStorage.setItem(NAME, name);

// A page that came over plain HTTP from another machine has no clipboard.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { readonly: true, class: "offscreen" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function copyButton(text, label = t("copy")) {
  const button = h("button", { type: "button", class: "copy", onclick: async () => {
    await copy(typeof text === "function" ? text() : text);
    button.textContent = t("copied");
    setTimeout(() => (button.textContent = label), COPIED_MS);
  } }, label);
  return button;
}

// A dialog that has an address of its own: it opens when the address says so, and gives back the one before when it is
// closed. `show` is called with the parts of the address after the first, and what is asked after `?`.
export function page(kind, css, show, hide = () => null) {
  const dialog = h("dialog", { class: css, "aria-label": kind });
  let before = "";
  document.body.append(dialog);
  const follow = (event) => {
    const [path, asked = ""] = location.hash.slice(1).split(/\?(.*)/s);
    const [, first, ...parts] = path.split("/").map(decoded);
    if (first !== kind) return dialog.open && dialog.close("left");
    if (event?.oldURL && !event.oldURL.includes(`#/${kind}`)) before = new URL(event.oldURL).hash;
    if (!dialog.open) dialog.showModal();
    show(dialog, parts, new URLSearchParams(asked));
  };
  dialog.addEventListener("close", () => {
    if (dialog.open) return;
    hide();
    const [back, left] = [before, dialog.returnValue === "left"];
    [before, dialog.returnValue] = ["", ""];
    if (left) return;
    if (back) location.replace(back); // so that what was there opens again
    else history.replaceState(null, "", location.pathname);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  window.addEventListener("hashchange", follow);
  return { dialog, follow };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody has cut the link
  }
}

export const closeButton = (dialog) => h("button", { class: "close", type: "button", title: t("close"), "aria-label": t("close"), onclick: () => dialog.close() }, "✕");
