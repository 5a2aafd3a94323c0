// The search box finds any order by its number, or by the number of a parcel, also one that no list shows.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { t } from "./i18n.js";
import { orderHash, orderLink } from "./order_link.js";
import { chip, shopName } from "./parts.js";

const SHORTEST = 3;

let turn = 0;
let box, list;

export function prepareFinding() {
  box = document.getElementById("search");
  list = h("div", { id: "found", role: "status", hidden: true });
  document.querySelector("header.top").append(list);
  box.addEventListener("input", () => {
    hide();
    const text = box.value.trim();
    if (text.length >= SHORTEST && /\d/.test(text)) show(h("button", { type: "button", onclick: find }, `↵ ${t("foundHint")}`));
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && box.value.trim()) find();
    if (event.key === "Escape") hide();
    if (event.key === "ArrowDown" && !list.hidden) {
      event.preventDefault();
      list.querySelector("a, button")?.focus();
    }
  });
  list.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a, button")];
    const place = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown") links[Math.min(place + 1, links.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (links[place - 1] ?? box).focus();
    else if (event.key === "Escape") { hide(); box.focus(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  window.addEventListener("hashchange", hide);
  document.addEventListener("click", (event) => list.contains(event.target) || event.target === box || hide());
}

function hide() {
  turn += 1;
  list.hidden = true;
}

// Only when somebody asks for it: a worker goes through all its orders. A single order is opened at once.
async function find() {
  const number = box.value.trim();
  const mine = ++turn;
  show(h("p", { class: "dim" }, t("loading")));
  let found;
  try {
    found = await get(`/api/orders?number=${encodeURIComponent(number)}`);
  } catch (error) {
    if (mine === turn) show(h("p", { class: "wrong" }, t("failed", { why: error.message })));
    return;
  }
  if (mine !== turn) return; // somebody has typed on
  const { items, complete } = found;
  if (items.length === 1 && complete) {
    hide();
    location.hash = orderHash(items[0]);
    return;
  }
  show(
    items.length || complete ? h("p", { class: "dim" }, items.length ? t("found") : t("foundNone", { number })) : null,
    items.length ? h("ul", { class: "plain" }, items.map((each) => h("li", {}, orderLink(each), shopName(each), each.by === "parcel" ? chip(t("byParcel")) : null))) : null,
    complete ? null : h("p", { class: "wrong" }, t("foundSome")),
  );
}

function show(...inside) {
  fill(list, inside);
  list.hidden = false;
}
