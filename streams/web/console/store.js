// What the console knows: shops, alerts, what is to be shipped next, and what time it is there.

export const SEVERITIES = ["critical", "warning", "info"];
const RANK = { critical: 3, warning: 2, info: 1 };
const RESOLVED_SHOWN = 200;

// In wall time the worker's clock is ours. In event time it is as far as the newest standing, and runs on at the
// pace it has had lately.
class Clock {
  kind = "wall";
  #at = null;
  #heard = 0;
  #pace = 0;

  hear(at) {
    const now = performance.now();
    const ms = Date.parse(at);
    if (this.#at !== null && ms <= this.#at) return;
    if (this.#at !== null && now > this.#heard + 200) this.#pace = Math.min((ms - this.#at) / (now - this.#heard), 1e6);
    if (this.#at === null || now > this.#heard + 200) this.#heard = now;
    this.#at = ms;
  }

  now() {
    if (this.kind === "wall" || this.#at === null) return Date.now();
    return this.#at + this.#pace * Math.min(performance.now() - this.#heard, 2000);
  }
}

export const clock = new Clock();
export const shops = new Map();
export const alerts = new Map();
export let due = [];

export const shopKey = (each) => `${each.platform}/${each.shop}`;

export function takeShop(standing) {
  shops.set(shopKey(standing), standing);
  clock.hear(standing.at);
}

// Answers whether it is new: a record read from a list may be older than what the line has brought meanwhile.
export function takeAlert(alert) {
  const known = alerts.get(alert.data.alert);
  if (known && known.data.revision > alert.data.revision) return false;
  alerts.set(alert.data.alert, alert);
  return true;
}

export function takeDue(items) {
  due = items;
}

export function forgetAll() {
  shops.clear();
  alerts.clear();
}

export function dropOldResolved() {
  const resolved = [...alerts.values()].filter((alert) => alert.data.state !== "open");
  if (resolved.length <= RESOLVED_SHOWN) return;
  resolved.sort((one, other) => Date.parse(other.time) - Date.parse(one.time));
  for (const alert of resolved.slice(RESOLVED_SHOWN)) alerts.delete(alert.data.alert);
}

export const isMuted = (alert) => {
  const muted = alert.muted;
  return Boolean(muted) && (!muted.until || Date.parse(muted.until) > Date.now());
};

// Open alerts that aren't muted, counted by severity: of all shops, and of each.
export function counted() {
  const total = { critical: 0, warning: 0, info: 0, muted: 0 };
  const byShop = new Map();
  for (const alert of alerts.values()) {
    if (alert.data.state !== "open") continue;
    if (isMuted(alert)) {
      total.muted += 1;
      continue;
    }
    total[alert.data.severity] += 1;
    const key = shopKey(alert);
    const counts = byShop.get(key) ?? { critical: 0, warning: 0, info: 0 };
    counts[alert.data.severity] += 1;
    byShop.set(key, counts);
  }
  return { total, byShop };
}

export const forecastOf = (measure) => {
  const forecast = measure.forecast;
  if (forecast === null || forecast === undefined) return null;
  return typeof forecast === "object" ? { value: forecast.value ?? forecast.points ?? null, at: forecast.at ?? null } : { value: forecast, at: null };
};

// How near one measure is to its threshold: 1 is there. Null where it has none.
export function nearness(measure, value = measure.value) {
  if (measure.threshold === null || measure.threshold === undefined || value === null || value === undefined) return null;
  return measure.threshold === 0 ? (value > 0 ? 2 : 0) : value / measure.threshold;
}

// A threshold may be one to reach (three marks) or one to pass (above 5 %); headroom knows which.
export function levelOf(measure) {
  const near = nearness(measure);
  if (near === null) return "none";
  if (measure.headroom !== null && measure.headroom !== undefined ? measure.headroom < 0 : near > 1) return "critical";
  const ahead = nearness(measure, forecastOf(measure)?.value);
  if (near >= 0.8 || (ahead !== null && ahead > 1)) return "warning";
  return "ok";
}

// How a shop stands, the worst first.
export function risk(shop, counts) {
  const metrics = Object.values(shop.metrics ?? {});
  const levels = metrics.map(levelOf);
  let level = "ok";
  if ((shop.sanctions ?? []).length || levels.includes("critical")) level = "critical";
  else if (levels.includes("warning") || counts?.critical) level = "warning";
  else if (counts?.warning || counts?.info) level = "info";
  const nearest = Math.max(0, ...metrics.map((each) => nearness(each) ?? 0));
  const most = (count, limit) => Math.min(count ?? 0, limit);
  const rank = [RANK[level] ?? 0, most(shop.sanctions?.length, 9), nearest >= 0.8 ? nearest : 0, most(counts?.critical, 9999), nearest, shop.open_alerts ?? 0];
  return { level, rank };
}

export function byRisk(one, other) {
  const differing = one.rank.findIndex((each, n) => each !== other.rank[n]);
  return differing < 0 ? (shopKey(one.shop) < shopKey(other.shop) ? -1 : 1) : other.rank[differing] - one.rank[differing];
}

export function rankedAlerts(list) {
  const place = (alert) => (alert.data.state === "open" ? RANK[alert.data.severity] ?? 0 : -1);
  return list.sort((one, other) => place(other) - place(one) || Date.parse(other.time) - Date.parse(one.time) || (one.id < other.id ? -1 : 1));
}
