// The API, with the token where one is needed.

import { query } from "./address.js";

const TOKEN = "shipclock-token";
let askForToken = null;

export class Refused extends Error {
  constructor(status, detail) {
    super(detail || `HTTP ${status}`);
    this.status = status;
  }
}

// `ask` shows the form, and that the last token was wrong; it resolves once the person has given one.
export function onUnauthorized(ask) {
  let asking = null;
  askForToken = (wrong) => (asking ??= ask(wrong).then((token) => {
    sessionStorage.setItem(TOKEN, token);
    asking = null;
  }));
}

export async function call(path, options = {}) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    const headers = { ...options.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (options.body) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { ...options, headers });
    if (answer.status === 401) {
      if (sessionStorage.getItem(TOKEN) === token) sessionStorage.removeItem(TOKEN);
      await askForToken(Boolean(token));
      continue;
    }
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      throw new Refused(answer.status, problem.detail || problem.title);
    }
    return answer;
  }
}

export async function get(path) {
  return (await call(path)).json();
}

// A list page by page, up to `most` items.
export async function* pages(path, most) {
  for (let count = 0, next = path; next && count < most; ) {
    const page = await get(next);
    count += page.items.length;
    next = page.next;
    yield page;
  }
}

const pathOf = (alert) => `/api/alerts/${encodeURIComponent(alert)}`;

export const alertWithTrail = (alert) => get(pathOf(alert));

export async function say(alert, what, said) {
  return (await call(`${pathOf(alert)}/${what}`, { method: "POST", body: JSON.stringify(said) })).json();
}

export async function lift(alert, what) {
  return (await call(`${pathOf(alert)}/${what}`, { method: "DELETE" })).json();
}

// What is said of a group is said of those of its alerts that are looked at.
export async function sayOfGroup(group, what, said) {
  const { platform, shop, rule } = group;
  const some = Object.fromEntries([...query()].filter(([name]) => name === "severity" || name === "q"));
  return (await call(`/api/groups/${what}`, { method: "POST", body: JSON.stringify({ platform, shop, rule, ...some, ...said }) })).json();
}

// Server-sent events over fetch, since EventSource can't carry a token. Reconnects by itself, from where it was.
// `state` is told "live" whenever anything comes, if only a sign of life, and "away" when the line has broken.
export async function follow(hear, state) {
  let last = null;
  for (let pause = 500; ; pause = Math.min(pause * 2, 15000)) {
    let reader = null;
    try {
      const answer = await call("/api/events", { headers: last ? { "Last-Event-ID": last } : {} });
      state("live");
      reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
        const { value, done } = await reader.read();
        if (done) break;
        state("live");
        const frames = (rest + value).split("\n\n");
        rest = frames.pop();
        for (const frame of frames) {
          const event = parsed(frame);
          if (!event) continue;
          pause = 500;
          await hear(event.name, event.data);
          last = event.id;
        }
      }
    } catch (error) {
      console.debug("the line broke:", error.message);
    }
    reader?.cancel().catch(() => null); // else it stays open, and a browser has six of them at most
    state("away");
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function parsed(frame) {
  const fields = Object.fromEntries(
    frame.split("\n").filter((line) => !line.startsWith(":")).map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  return fields.data === undefined ? null : { id: fields.id, name: fields.event, data: JSON.parse(fields.data) };
}
