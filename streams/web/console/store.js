// What the console knows: shops, alerts, what is to be shipped next, and what time it is there.

export const SEVERITIES = ["critical", "warning", "info"];
const RANK = { critical: 3, warning: 2, info: 1 };
const RESOLVED_SHOWN = 200;

// In wall time the worker's clock is ours. In event time it is as far as the newest standing or alert, and runs on at the
// pace it has had lately.
const PACE_MS = 500;

class Clock {
  kind = "wall";
  #at = null;
  #heard = 0;
  #from = null; // since when, and since which instant, the pace is measured
  #since = 0;
  #pace = 0;

  hear(at) {
    const now = performance.now();
    const ms = Date.parse(at);
    if (this.#at !== null && ms <= this.#at) return;
    if (this.#from === null || now > this.#since + PACE_MS) {
      if (this.#from !== null) this.#pace = Math.min((ms - this.#from) / (now - this.#since), 1e6);
      [this.#from, this.#since] = [ms, now];
    }
    [this.#at, this.#heard] = [ms, now];
  }

  now() {
    if (this.kind === "wall" || this.#at === null) return Date.now();
    return this.#at + this.#pace * Math.min(performance.now() - this.#heard, 2000);
  }
}

export const clock = new Clock();
export const shops = new Map();
export const alerts = new Map();
export let due = []; // the orders to ship, or with `dueFor` "carrier" the parcels that wait for a scan
export let dueFor = "";
export let dueTotal = 0; // how many there are; of each shop the standing lists the first only
export let complete = false; // until then an empty list says nothing

export const shopKey = (each) => `${each.platform}/${each.shop}`;

export function takeShop(standing) {
  shops.set(shopKey(standing), standing);
  if (standing.at) clock.hear(standing.at);
}

// Answers whether it is new: a record read from a list may be older than what the line has brought meanwhile.
export function takeAlert(alert) {
  const known = alerts.get(alert.data.alert);
  if (known && known.data.revision > alert.data.revision) return false;
  alerts.set(alert.data.alert, alert);
  clock.hear(alert.time);
  return true;
}

// Whom the token belongs to (null where it has no name), and whether it may change anything.
export const me = { person: null, mayAct: true };

export function takeMe({ person, role }) {
  me.person = person;
  me.mayAct = role === "act";
}

export function takeDue(who, items, total) {
  due = items;
  dueFor = who;
  dueTotal = total;
}

export function forgetAll() {
  shops.clear();
  alerts.clear();
  complete = false;
}

export function allRead() {
  complete = true;
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

// Open alerts that aren't muted, counted by severity: of all shops, and of each. `clauses` has the worst severity of
// those that are about the shop as a whole; a sanction in force is no word on the figure that led to it.
export function counted() {
  const total = { critical: 0, warning: 0, info: 0, muted: 0 };
  const byShop = new Map();
  for (const alert of alerts.values()) {
    if (alert.data.state !== "open") continue;
    if (isMuted(alert)) {
      total.muted += 1;
      continue;
    }
    const { severity, clause, stage } = alert.data;
    total[severity] += 1;
    const key = shopKey(alert);
    if (!byShop.has(key)) byShop.set(key, { critical: 0, warning: 0, info: 0, clauses: {} });
    const counts = byShop.get(key);
    counts[severity] += 1;
    if (!alert.order && stage !== "active" && RANK[severity] > (RANK[counts.clauses[clause]] ?? 0)) counts.clauses[clause] = severity;
  }
  return { total, byShop };
}

const known = (value) => value !== null && value !== undefined;

// What is expected of a ratio or a ledger at its next evaluation, if anything.
export function forecastOf(measure) {
  const forecast = measure.forecast;
  const value = forecast?.value ?? forecast?.points;
  return known(value) ? { value, at: forecast.at ?? null } : null;
}

// Some thresholds must not be passed (5 % late), others must be kept (95 % shipped): headroom tells which it is.
export function isMinimum(metric) {
  if (!known(metric.threshold) || !known(metric.value) || !known(metric.headroom)) return false;
  return metric.value < metric.threshold ? metric.headroom < 0 : metric.value > metric.threshold && metric.headroom >= 0;
}

// How near a measure is to its threshold: 1 is there. Null where it has none.
export function nearness(metric, value = metric.value) {
  if (!known(metric.threshold) || !known(value)) return null;
  const [part, whole] = isMinimum(metric) ? [metric.threshold, value] : [value, metric.threshold];
  return whole === 0 ? (part > 0 ? 2 : 0) : part / whole;
}

// An alert about it says how bad it is; without one it may still be on its way there.
function levelOf(metric, severity) {
  if (severity) return severity;
  const near = nearness(metric);
  if (near === null) return "none";
  if (isMinimum(metric)) return "ok";
  const ahead = nearness(metric, forecastOf(metric)?.value);
  return near >= 0.8 || (ahead !== null && ahead > 1) ? "warning" : "ok";
}

// All that is measured of a shop, the worst first. Several rules may share a clause: then the others name their `rule`.
export function measured(shop, counts) {
  const found = [];
  for (const [clause, metric] of Object.entries(shop.metrics ?? {})) {
    const level = levelOf(metric, counts?.clauses[clause]);
    found.push({ clause, rule: null, metric, level, near: nearness(metric) });
    for (const [rule, other] of Object.entries(metric.others ?? {})) {
      if (other.value === metric.value && other.denominator === metric.denominator) continue;
      found.push({ clause, rule, metric: other, level: levelOf(other), near: nearness(other) });
    }
  }
  const place = (each) => (RANK[each.level] ?? 0) * 1000 + (isMinimum(each.metric) ? 0 : Math.min(each.near ?? -1, 99));
  return found.sort((one, other) => place(other) - place(one));
}

// Whether a shop is still heard of through its feeds, as of now: the line tells only when it was. Null where it has none.
export function feedOf(shop, now = Date.now()) {
  if (!shop.feed) return null;
  const state = (feed) => (now >= Date.parse(feed.silent_at) ? "silent" : now >= Date.parse(feed.late_at) ? "late" : "healthy");
  const feeds = shop.feed.feeds.map((feed) => ({ ...feed, state: state(feed) }));
  const states = new Set(feeds.map((feed) => feed.state));
  const unwell = feeds.filter((feed) => feed.state !== "healthy" && feed.heard_at).map((feed) => feed.heard_at);
  unwell.sort((one, other) => Date.parse(other) - Date.parse(one));
  return { state: states.size === 1 ? feeds[0].state : "late", since: unwell[0] ?? null, feeds };
}

const FEED_LEVEL = { late: "info", silent: "warning" };

// How a shop stands, the worst first. One that isn't heard of is never calm: nobody knows.
export function risk(shop, counts) {
  const metrics = measured(shop, counts);
  const levels = [...metrics.map((each) => each.level), ...Object.values(counts?.clauses ?? {})];
  let level = "ok";
  if ((shop.sanctions ?? []).length || levels.includes("critical")) level = "critical";
  else if (levels.includes("warning") || counts?.critical) level = "warning";
  else if (counts?.warning || counts?.info) level = "info";
  const feed = feedOf(shop);
  const unheard = FEED_LEVEL[feed?.state];
  if (unheard && (RANK[level] ?? 0) < RANK[unheard]) level = unheard;
  const nearest = Math.max(0, ...metrics.filter((each) => !isMinimum(each.metric)).map((each) => each.near ?? 0));
  const most = (count, limit) => Math.min(count ?? 0, limit);
  const rank = [RANK[level] ?? 0, most(shop.sanctions?.length, 9), nearest >= 0.8 ? nearest : 0, most(counts?.critical, 9999), nearest, shop.open_alerts ?? 0];
  return { level, rank, metrics, feed };
}

export function byRisk(one, other) {
  const differing = one.rank.findIndex((each, n) => each !== other.rank[n]);
  return differing < 0 ? (shopKey(one.shop) < shopKey(other.shop) ? -1 : 1) : other.rank[differing] - one.rank[differing];
}

export function rankedAlerts(list) {
  const place = (alert) => (alert.data.state === "open" ? RANK[alert.data.severity] ?? 0 : -1);
  return list.sort((one, other) => place(other) - place(one) || Date.parse(other.time) - Date.parse(one.time) || (one.id < other.id ? -1 : 1));
}
