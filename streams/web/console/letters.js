// Dead letters of the last day: a button that says how many, and a list of them.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { longMoment, number, t } from "./i18n.js";

const EVERY_MS = 60000;
const DAY_MS = 24 * 3600 * 1000;
const $ = (id) => document.getElementById(id);

let known = { items: [], total: 0 };

export function watchLetters() {
  $("letters").addEventListener("click", () => $("letter-list").showModal());
  $("letter-list").addEventListener("click", (event) => event.target === $("letter-list") && $("letter-list").close());
  look();
}

async function look() {
  known = await api.get("/api/dead-letters").catch(() => known); // away, or not allowed: the rest of the page says so
  drawLetters();
  setTimeout(look, EVERY_MS);
}

export function drawLetters() {
  const fresh = known.items.filter((each) => Date.now() - Date.parse(each.at) < DAY_MS);
  const all = fresh.length === known.items.length && known.total > fresh.length;
  $("letters").hidden = !fresh.length;
  fill($("letters"), t("letters", { n: number(fresh.length) + (all ? "+" : "") }));
  fill($("letter-list"),
    h("header", {}, h("h2", {}, t("lettersTitle")),
      h("button", { class: "close", type: "button", title: t("close"), "aria-label": t("close"), onclick: () => $("letter-list").close() }, "✕")),
    h("p", { class: "dim" }, t("lettersHint")),
    h("ol", { class: "letters" }, fresh.map((each) => h("li", {},
      h("b", {}, each.reason),
      h("span", { class: "dim" }, [each.place, longMoment(each.at), each.origin, each.key].filter(Boolean).join(" · "))))));
}
