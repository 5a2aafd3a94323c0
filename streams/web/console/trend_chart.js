// A trend as a small chart: a line over the days of its window, and a dashed one where the threshold was.

import { svg } from "./dom.js";
import { day, number, percent, ruleName, t } from "./i18n.js";

const [WIDTH, HEIGHT, MARGIN] = [180, 40, 4];
const DAY_MS = 864e5;

const known = (value) => value !== null && value !== undefined;

export const figureOf = (trend, value) => (trend.unit === "share" ? percent(value) : t("points", { n: number(value, 1) }));

export const dayName = (date) => day(`${date}T12:00:00`);

// What the chart shows, in words.
export function described(trend) {
  const points = trend.points.filter((each) => known(each.value));
  const name = ruleName(trend.rule);
  if (!points.length) return t("trendNothing", { name });
  const [first, last] = [points[0], points.at(-1)];
  const figures = {
    name, first: figureOf(trend, first.value), from: dayName(first.day), last: figureOf(trend, last.value), to: dayName(last.day),
    threshold: known(last.threshold) ? `${t("threshold")} ${figureOf(trend, last.threshold)}` : t("noThreshold"),
  };
  return t(points.length > 1 ? "trendTold" : "trendToldOne", figures);
}

export function chart(trend) {
  const { x, y } = scales(trend);
  const points = trend.points.filter((each) => known(each.value));
  const lines = runs(trend.points).map((run) => path("value", run.map((each) => [x(each.day), y(each.value)])));
  const last = points.at(-1);
  const dot = last ? svg("circle", { class: "last", cx: x(last.day), cy: y(last.value), r: 2.5 }) : null;
  const words = described(trend);
  const title = svg("title", {});
  title.textContent = words;
  return svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", tabindex: "0", "aria-label": words }, title, threshold(trend, x, y), ...lines, dot);
}

// From nothing, unless all of it lies near the upper end, as shares do that must be kept.
function scales(trend) {
  const [first, last] = [Date.parse(trend.first_day), Date.parse(trend.last_day)];
  const shown = trend.points.flatMap((each) => [each.value, each.threshold]).filter(known);
  const most = Math.max(...shown, 0) || 1;
  const least = Math.min(...shown, most);
  const low = least > most / 2 ? least - (most - least) / 4 : 0;
  const part = (value) => (most === low ? 0.5 : (value - low) / (most - low));
  return {
    x: (date) => rounded(MARGIN + ((WIDTH - 2 * MARGIN) * (Date.parse(date) - first)) / Math.max(last - first, DAY_MS)),
    y: (value) => rounded(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * part(value)),
  };
}

const rounded = (length) => Math.round(length * 10) / 10;

// Days in a row: a day that was missed, or on which nothing was counted, breaks the line, and so does a new period.
function runs(points) {
  const found = [];
  let before = null;
  for (const point of points) {
    const follows = before && Date.parse(point.day) - Date.parse(before.day) <= DAY_MS && point.period === before.period;
    if (!known(point.value)) before = null;
    else {
      if (follows) found.at(-1).push(point);
      else found.push([point]);
      before = point;
    }
  }
  return found;
}

// In steps, from edge to edge: it holds until another one does.
function threshold(trend, x, y) {
  const points = trend.points.filter((each) => known(each.threshold));
  if (!points.length) return null;
  const corners = points.flatMap((each, n) => (n ? [[x(each.day), y(points[n - 1].threshold)], [x(each.day), y(each.threshold)]] : [[0, y(each.threshold)]]));
  return path("threshold", [...corners, [WIDTH, y(points.at(-1).threshold)]]);
}

// A single day is a dot: a line of no length with round ends.
const path = (css, corners) => svg("path", { class: css, d: `M${corners.map((each) => each.join(" ")).join("L")}${corners.length > 1 ? "" : "h0"}` });
