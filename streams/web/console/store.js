// What the console knows: shops, groups of alerts, what is to be shipped next, and what time it is there.

export const SEVERITIES = ["critical", "warning", "info"];
const RANK = { critical: 3, warning: 2, info: 1, unwatched: 0.5, silent: 0.5 };

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
  #stopped = null;

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

  // While nobody answers, what is shown is of then (`since`, in wall time), and so is the clock; null lets it go on.
  stop(since) {
    const byEvents = this.kind === "event" && this.#at !== null;
    this.#stopped = since !== null && byEvents ? this.#at : since;
  }

  now() {
    if (this.#stopped !== null) return this.#stopped;
    if (this.kind === "wall" || this.#at === null) return Date.now();
    return this.#at + this.#pace * Math.min(performance.now() - this.#heard, 2000);
  }
}

export const clock = new Clock();
export const shops = new Map();
export let groups = []; // of open alerts by shop and rule, the worst first, as the filters have it
export let groupsAfter = false; // whether there are more groups than these
export const opened = new Map(); // the groups that are open by key, each with its alerts, once they are read
export let resolved = []; // the alerts resolved last, where they are wanted
const heard = new Map(); // when the line last brought an alert
export let due = []; // the orders to ship, or with `dueFor` "carrier" the parcels that wait for a scan
export let dueFor = null; // null until either has been read
export let dueTotal = 0; // how many there are; of each shop the standing lists the first only
export let complete = false; // until then an empty list says nothing

export const shopKey = (each) => `${each.platform}/${each.shop}`;

export function takeShop(standing) {
  shops.set(shopKey(standing), standing);
  if (standing.at) clock.hear(standing.at);
}

export const groupKey = (each) => JSON.stringify([each.platform, each.shop, each.rule ?? each.data.rule]);

export function takeGroups(items, more) {
  groups = items;
  groupsAfter = more;
}

// Whom the token belongs to (null where it has no name), and whether it may change anything.
export const me = { person: null, mayAct: true };

export function takeMe({ person, role }) {
  me.person = person;
  me.mayAct = role === "act";
}

export function takeResolved(items) {
  resolved = items;
}

export function noteAlert(alert) {
  heard.delete(alert.data.alert);
  heard.set(alert.data.alert, performance.now());
  if (heard.size > 1000) heard.delete(heard.keys().next().value);
  clock.hear(alert.time);
}

export const isFresh = (alert, ms) => performance.now() - (heard.get(alert.data.alert) ?? -ms) < ms;

// With the moment of the standing that lists it, as countdowns have it where the worker goes by the events' time.
export const withStanding = (each) => ({ ...each, at: shops.get(shopKey(each))?.at });

export function takeDue(who, items, total) {
  due = items.map(withStanding);
  dueFor = who;
  dueTotal = total;
}

export function forgetAll() {
  shops.clear();
  complete = false;
}

let tellRead;
export const firstRead = new Promise((resolve) => (tellRead = resolve)); // once all has been read for the first time

export function allRead() {
  complete = true;
  tellRead();
}

export const isMuted = (alert) => {
  const muted = alert.muted;
  return Boolean(muted) && (!muted.until || Date.parse(muted.until) > Date.now());
};

// Open alerts that aren't muted, by severity.
export function counted() {
  const total = { critical: 0, warning: 0, info: 0, muted: 0 };
  for (const shop of shops.values()) for (const each of Object.keys(total)) total[each] += shop.alerts?.[each] ?? 0;
  return total;
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

// Whether its orders have been silent for longer than they used to be. A shop with feeds is told by these.
// In event time that is as of its standing, which may be older than the clock by days of a history that is replayed.
export const isSilent = (shop) => {
  const now = clock.kind === "event" ? Date.parse(shop.at) : clock.now();
  return !shop.feed && Boolean(shop.silent_at) && now >= Date.parse(shop.silent_at);
};

// How a shop stands, the worst first. One that no rule watches or that isn't heard of is never calm: nobody knows.
export function risk(shop) {
  const counts = shop.alerts;
  const metrics = measured(shop, counts);
  const feed = feedOf(shop);
  const level = levelOfShop(shop, counts, metrics, feed);
  const nearest = Math.max(0, ...metrics.filter((each) => !isMinimum(each.metric)).map((each) => each.near ?? 0));
  const most = (count, limit) => Math.min(count ?? 0, limit);
  const rank = [RANK[level] ?? 0, most(shop.sanctions?.length, 9), counts?.usd ?? 0, counts?.points ?? 0, nearest >= 0.8 ? nearest : 0, most(counts?.critical, 9999), nearest, shop.open_alerts ?? 0];
  return { level, rank, metrics, feed };
}

function levelOfShop(shop, counts, metrics, feed) {
  if (shop.watched === false) return "unwatched";
  const levels = [...metrics.map((each) => each.level), ...Object.values(counts?.clauses ?? {})];
  const unheard = FEED_LEVEL[feed?.state];
  let level = isSilent(shop) || !shop.at ? "silent" : "ok"; // of one without a standing only its feed is known
  if ((shop.sanctions ?? []).length || levels.includes("critical")) level = "critical";
  else if (levels.includes("warning") || counts?.critical) level = "warning";
  else if (counts?.warning || counts?.info) level = "info";
  return unheard && (RANK[level] ?? 0) < RANK[unheard] ? unheard : level;
}

export function byRisk(one, other) {
  const differing = one.rank.findIndex((each, n) => each !== other.rank[n]);
  return differing < 0 ? (shopKey(one.shop) < shopKey(other.shop) ? -1 : 1) : other.rank[differing] - one.rank[differing];
}
