// What is looked at, in the page's address, so that it can be sent to somebody, kept, and gone back to.
//
//   #/alerts?platform=joom&shop=s17&severity=critical&q=8412&sort=due&muted=1&resolved=1
//   #/alerts/ALERT?…   one alert      #/shops/PLATFORM/SHOP   one shop      #/due, #/due/carrier

import { SEVERITIES } from "./store.js";

export const SORTS = ["cost", "count", "oldest", "due"];

export const wanted = { platform: "", shop: "", text: "", severity: "", sort: "cost", muted: false, resolved: false, dueFor: "" };

// Whether anything keeps alerts from being shown.
export const isFiltered = () => Boolean(wanted.platform || wanted.shop || wanted.text || wanted.severity);

export function clearFilters() {
  Object.assign(wanted, { platform: "", shop: "", text: "", severity: "" });
}

// Of /api/groups and /api/alerts.
export function query(more = {}) {
  const { platform, shop, text: q, severity } = wanted;
  const asked = { platform, shop, q, severity, ...more };
  return new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== "" && value !== null && value !== undefined));
}

export function write(alert = "") {
  const kept = new URLSearchParams();
  for (const name of ["platform", "shop", "severity"]) if (wanted[name]) kept.set(name, wanted[name]);
  if (wanted.text) kept.set("q", wanted.text);
  if (wanted.sort !== "cost") kept.set("sort", wanted.sort);
  for (const name of ["muted", "resolved"]) if (wanted[name]) kept.set(name, "1");
  const asked = kept.size ? `?${kept}` : "";
  const address = alert || asked ? `#/alerts${alert ? `/${encodeURIComponent(alert)}` : ""}${asked}` : location.pathname;
  if (location.hash !== address) history.replaceState(null, "", address);
}

// Takes over what the address says. Answers what it is about: `[kind, …parts]`.
export function read() {
  const [path, asked] = location.hash.slice(1).split(/\?(.*)/s);
  const [, kind = "", ...parts] = path.split("/").map(decoded);
  if (kind === "shops" && parts.length > 1) Object.assign(wanted, { platform: parts[0], shop: parts.slice(1).join("/") });
  if (kind === "due") wanted.dueFor = parts[0] === "carrier" ? "carrier" : "";
  if (kind === "alerts" && (asked !== undefined || !parts.length)) {
    const given = new URLSearchParams(asked ?? "");
    Object.assign(wanted, { platform: given.get("platform") ?? "", shop: given.get("shop") ?? "", text: given.get("q") ?? "" });
    wanted.severity = SEVERITIES.includes(given.get("severity")) ? given.get("severity") : "";
    wanted.sort = SORTS.includes(given.get("sort")) ? given.get("sort") : "cost";
    for (const name of ["muted", "resolved"]) wanted[name] = given.get(name) === "1";
  }
  return [kind, ...parts];
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody has cut the link
  }
}
