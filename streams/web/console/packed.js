// The tick that an order is packed.

import { call } from "./api.js";
import { h } from "./dom.js";
import { moment, t } from "./i18n.js";
import { myName, pathOf, setMyName } from "./order_link.js";
import { me } from "./store.js";

export async function setPacked(order, packed) {
  const body = packed ? { body: JSON.stringify({ by: myName() || null }) } : {};
  const answer = await call(`/api/packed/${pathOf(order)}`, { method: packed ? "POST" : "DELETE", ...body });
  return (await answer.json()).packed;
}

export const whoPacked = (packed) => (packed ? t("packedBy", { by: packed.by ?? t("somebody"), at: moment(packed.at) }) : "");

// Whose token has a name is asked for none.
export const nameField = () =>
  me.person || !me.mayAct ? null : h("label", { class: "by" }, t("by"), " ", h("input", { name: "by", maxlength: 200, autocomplete: "name", value: myName(), onchange: (event) => setMyName(event.target.value.trim()) }));

// A box to tick, with who has done so. What is refused is said beside it, and the box is as it was.
export function packedBox(order, changed) {
  const box = h("input", { type: "checkbox", name: "packed", "aria-label": t("packOrder", { order: order.order }) });
  box.checked = Boolean(order.packed);
  box.disabled = !me.mayAct;
  const said = h("span", { class: "dim" }, whoPacked(order.packed));
  const wrong = h("span", { class: "wrong", role: "alert" });
  box.addEventListener("change", async () => {
    box.disabled = true;
    wrong.textContent = "";
    try {
      await setPacked(order, box.checked);
    } catch (error) {
      box.checked = !box.checked;
      wrong.textContent = t("failed", { why: error.message });
    }
    box.disabled = false;
    box.focus();
    await changed(wrong.textContent === "");
  });
  return h("div", { class: "packed" }, h("label", { class: "switch" }, box, h("span", {}, t("packed"))), said, wrong);
}
