// Small charts of the last minutes, as SVG. Each has the same figures as a table, for those who cannot see it or want
// to copy a number.

import { attribute, fill, h, svg, unique, write } from "./dom.js";
import { clock } from "./format.js";

/** @typedef {{ at: number, values: (number | null)[] }} Point values of all series at a time in ms */
/**
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {string} about what is drawn, in one sentence
 * @property {string[]} series their names, most important first
 * @property {(value: number | null) => string} format
 * @property {number} least the axis goes at least so far
 * @property {number} span milliseconds that are shown
 */

const HEIGHT = 112;
const TABLE_STEP = 15;

export class Chart {
  /** @param {ChartOptions} options */
  constructor(options) {
    this.options = options;
    /** @type {Point[]} */
    this.points = [];
    this.width = 320;
    const label = unique("chart");
    this.now = h("span.chart-now", {});
    this.note = h("span.chart-note", {}, "last 10 minutes");
    this.grid = svg("g", { class: "chart-grid" });
    this.lines = options.series.map((_, at) => svg("path", { class: `chart-line s${at}` }));
    this.area = svg("path", { class: "chart-area" });
    this.cross = svg("line", { class: "chart-cross", y1: 0, y2: HEIGHT, visibility: "hidden" });
    this.picture = svg(
      "svg",
      { class: "chart-picture", role: "img", "aria-labelledby": label, height: HEIGHT },
      this.grid,
      this.area,
      this.lines,
      this.cross,
    );
    this.words = h("span.unseen", { id: label }, options.title);
    this.table = h("div.chart-table", { tabindex: 0, role: "region", "aria-label": `${options.title}, as a table` });
    this.details = h(
      "details",
      { on: { toggle: () => this.#tabulate() } },
      h("summary", {}, "Table", h("span.unseen", {}, `: ${options.title}`)),
      this.table,
    );
    this.element = h(
      "figure.chart",
      {},
      h("figcaption", {}, h("span.chart-title", {}, options.title), this.now, this.note),
      this.words,
      h(
        "div.chart-box",
        {
          on: {
            pointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
            pointerleave: () => this.#point(null),
          },
        },
        this.picture,
      ),
      options.series.length > 1 &&
        h(
          "div.chart-key",
          { "aria-hidden": "true" },
          options.series.map((name, at) => h("span", { class: `key s${at}` }, name)),
        ),
      this.details,
    );
    this.watch = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.width > 0) {
        this.width = Math.round(entry.contentRect.width);
        this.#draw();
      }
    });
    this.watch.observe(this.picture);
  }

  close() {
    this.watch.disconnect();
  }

  /** @param {Point[]} points in order of time */
  update(points) {
    this.points = points;
    this.#draw();
    if (this.details.open && points.length % 5 === 0) this.#tabulate();
  }

  #draw() {
    const { series, format, least, span, title } = this.options;
    const { points, width } = this;
    const latest = points.at(-1);
    const end = latest?.at ?? Date.now();
    const top = nice(Math.max(least, ...points.flatMap(({ values }) => values.map((value) => value ?? 0))));
    const x = (/** @type {number} */ at) => width - ((end - at) / span) * width;
    const y = (/** @type {number} */ value) => HEIGHT - 1 - (value / top) * (HEIGHT - 16);

    attribute(this.picture, "viewBox", `0 0 ${width} ${HEIGHT}`);
    fill(
      this.grid,
      [0, 0.5, 1].map((share) => {
        const at = Math.round(y(top * share)) + 0.5;
        return svg("line", { x1: 0, x2: width, y1: at, y2: at });
      }),
      [0.5, 1].map((share) => svg("text", { x: 0, y: y(top * share) - 4 }, format(top * share))),
    );
    for (const [at, line] of this.lines.entries()) {
      attribute(line, "d", path(points, at, x, y));
    }
    const first = points.find(({ values }) => values[0] !== null);
    const outline = this.lines[0]?.getAttribute("d") ?? "";
    const closed = series.length === 1 && first && latest && !outline.includes("M", 1);
    attribute(this.area, "d", closed ? `${outline}L${x(end)} ${HEIGHT}L${x(first.at).toFixed(1)} ${HEIGHT}Z` : "");

    const now = latest?.values[0] ?? null;
    const most = Math.max(0, ...points.map(({ values }) => values[0] ?? 0));
    write(this.now, format(now));
    write(this.words, `${title}: ${format(now)} now, ${format(most)} at most in the last 10 minutes. ${this.options.about}`);
  }

  /** @param {PointerEvent | null} event */
  #point(event) {
    const box = this.picture.getBoundingClientRect();
    const end = this.points.at(-1)?.at ?? 0;
    const at = event ? end - ((box.right - event.clientX) / box.width) * this.options.span : NaN;
    const near = event && nearest(this.points, at);
    attribute(this.cross, "visibility", near ? "visible" : "hidden");
    if (!near) {
      write(this.note, "last 10 minutes");
      return;
    }
    const x = this.width - ((end - near.at) / this.options.span) * this.width;
    attribute(this.cross, "x1", x);
    attribute(this.cross, "x2", x);
    const values = near.values.map((value) => this.options.format(value)).join(", ");
    write(this.note, `${clock(new Date(near.at).toISOString())}  ${values}`);
  }

  #tabulate() {
    if (!this.details.open) return;
    const rows = [];
    for (let at = this.points.length - 1; at >= 0; at -= TABLE_STEP) {
      const point = this.points[at];
      if (!point) break;
      rows.push(
        h(
          "tr",
          {},
          h("th", { scope: "row" }, clock(new Date(point.at).toISOString())),
          point.values.map((value) => h("td", {}, this.options.format(value))),
        ),
      );
    }
    const heads = ["Time", ...this.options.series].map((name) => h("th", { scope: "col" }, name));
    fill(this.table, h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
  }
}

/**
 * @param {Point[]} points
 * @param {number} series
 * @param {(at: number) => number} x
 * @param {(value: number) => number} y
 */
function path(points, series, x, y) {
  let text = "";
  let pen = "M";
  for (const { at, values } of points) {
    const value = values[series];
    if (value === null || value === undefined) {
      pen = "M"; // Nobody was there to count: a gap, not a zero.
      continue;
    }
    text += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  }
  return text;
}

/**
 * @param {Point[]} points
 * @param {number} at
 */
function nearest(points, at) {
  let best = null;
  for (const point of points) {
    if (!best || Math.abs(point.at - at) < Math.abs(best.at - at)) best = point;
  }
  return best;
}

const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8];

/**
 * The next number that reads well.
 *
 * @param {number} value
 */
export function nice(value) {
  if (!(value > 0)) return 1;
  const scale = 10 ** Math.floor(Math.log10(value));
  const lead = value / scale;
  return (STEPS.find((step) => lead <= step) ?? 10) * scale;
}
