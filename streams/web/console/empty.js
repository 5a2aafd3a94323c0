// Why a list is empty. Nothing yet, nothing found and nothing wrong are three things, and nobody may take one for another.

import { clearFilters, isFiltered } from "./address.js";
import { h } from "./dom.js";
import { number, t } from "./i18n.js";
import { complete, counted, isSilent, shops } from "./store.js";

// `nothing` is what to say where there is nothing wrong; `filtered`, whether that may be so because of the filters.
export function emptyState(nothing, filtered = isFiltered()) {
  const text = (said) => h("p", { class: "empty" }, said);
  if (!complete) return text(t("loading"));
  if (!shops.size) return text(t("nothingYet"));
  if (filtered) {
    const clear = () => { clearFilters(); document.dispatchEvent(new CustomEvent("filters")); };
    return [text(t("nothingFound")), h("button", { class: "more", type: "button", onclick: clear }, t("clearFilters"))];
  }
  const { muted } = counted();
  if (nothing === "noAlerts" && muted) return text(t("allMuted", { n: number(muted) }));
  const unknown = [...shops.values()].filter((shop) => shop.watched === false || !shop.at || shop.feed?.state === "silent" || isSilent(shop)).length;
  return [text(t(nothing)), unknown ? text(t("nothingKnown", { n: number(unknown) })) : null];
}
