// Reads what the page shows: shops, groups of alerts and the alerts in those that are open, what to ship next.

import * as address from "./address.js";
import * as api from "./api.js";
import { takeNames } from "./names.js";
import * as sheet from "./sheet.js";
import * as store from "./store.js";

const { wanted } = address;

const GROUPS_AT_ONCE = 50;
const ALERTS_AT_ONCE = 50;
const MOST_AT_ONCE = 1000;
const RESOLVED_SHOWN = 200;
const DUE_MS = 2000;
const GROUPS_MS = 1000;

export let version = "";
export let kafkaAwaySince = null;
let groupsShown = GROUPS_AT_ONCE;
const room = new Map(); // how many alerts of an open group are shown, by its key
let draw = () => null;

export function prepare(drawNow) {
  draw = drawNow;
}

export async function readAll() {
  store.forgetAll();
  await Promise.all([readAbout(), readNames(), readGroups()]);
  draw();
  for await (const { items } of api.pages("/api/shops?limit=500", Infinity)) items.forEach(store.takeShop);
  await readDue();
  store.allRead();
  draw();
}

async function readNames() {
  takeNames(await api.get("/api/rules"));
}

export async function readAbout() {
  const about = await api.get("/api/about");
  store.clock.kind = about.clock;
  if (about.at) store.clock.hear(about.at);
  store.takeMe(about);
  version = about.version;
  kafkaAwaySince = about.kafka_away_since;
}

// -- groups: read anew a moment after anything in them has changed; whoever asks last is answered --

let reading = 0;
async function readGroups() {
  const turn = ++reading;
  const muted = wanted.muted ? "true" : "";
  const page = await api.get(`/api/groups?${address.query({ sort: wanted.sort, muted, limit: groupsShown })}`);
  const inside = await Promise.all([...store.opened.keys()].map(async (key) => [key, await readInside(key)]));
  const resolved = wanted.resolved ? await api.get(`/api/alerts?${address.query({ state: "resolved", limit: RESOLVED_SHOWN })}`) : null;
  if (turn !== reading) return;
  store.takeGroups(page.items, page.next !== null);
  store.takeResolved(resolved?.items ?? []);
  for (const [key, found] of inside) if (store.opened.has(key)) store.opened.set(key, found);
}

// The sort orders of alerts and of groups differ in one.
async function readInside(key) {
  const [platform, shop, rule] = JSON.parse(key);
  const sort = wanted.sort === "count" ? "cost" : wanted.sort;
  const muted = wanted.muted ? "" : "false";
  return api.get(`/api/alerts?${address.query({ platform, shop, rule, state: "open", muted, sort, limit: room.get(key) ?? ALERTS_AT_ONCE })}`);
}

let groupsWait = null;
export function readGroupsSoon(ms = GROUPS_MS) {
  groupsWait ??= setTimeout(async () => {
    groupsWait = null;
    await readGroupsNow();
  }, ms);
}

export async function readGroupsNow() {
  await readGroups().catch(() => null); // the line says by itself when it is broken
  draw();
}

// Other filters: the list begins anew.
export function fromTheTop() {
  groupsShown = GROUPS_AT_ONCE;
  return readGroupsNow();
}

// What a person may do with the list.
export const acts = {
  open: sheet.open,
  openGroup: sheet.openGroup,
  async toggle(group) {
    const key = store.groupKey(group);
    if (!store.opened.delete(key)) store.opened.set(key, { items: null, next: null });
    draw();
    if (store.opened.has(key)) await readGroupsNow();
  },
  more() {
    groupsShown = Math.min(groupsShown + GROUPS_AT_ONCE, MOST_AT_ONCE);
    return readGroupsNow();
  },
  moreOf(key) {
    room.set(key, Math.min((room.get(key) ?? ALERTS_AT_ONCE) + 2 * ALERTS_AT_ONCE, MOST_AT_ONCE));
    return readGroupsNow();
  },
};

export async function readDue() {
  const who = wanted.dueFor;
  const page = await api.get(who ? `/api/due?limit=500&for=${who}` : "/api/due?limit=500");
  if (who !== wanted.dueFor) return; // the other list has been asked for meanwhile
  store.takeDue(who, page.items, page.total);
}

let dueWaits = null;
export function readDueSoon() {
  dueWaits ??= setTimeout(async () => {
    await readDue().catch(() => null); // the line says by itself when it is broken
    dueWaits = null;
    draw();
  }, DUE_MS);
}
