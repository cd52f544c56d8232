// A boot as bars. It is a table: the bars only draw what the columns beside them say.

import { h } from "./dom.js";
import { bytes, duration, percent, plural } from "./format.js";

/** @typedef {import("../types").Stage} Stage */

/** Outcomes that are as they should be. */
const WELL = new Set(["complete", "probe", "running", ""]);

/**
 * @param {Stage[]} stages in order
 * @param {number} total microseconds
 */
export function timeline(stages, total) {
  const span = Math.max(1, total, ...stages.map((stage) => stage.start_us + stage.duration_us));
  return h(
    "table.timeline",
    {},
    h("caption.unseen", {}, "What was asked for, in order"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Stage", "File"].map((name) => h("th", { scope: "col" }, name)),
        h("th.track-head", { scope: "col" }, h("span.unseen", {}, "Timeline"), scale(span)),
        ["At", "Took", "Size"].map((name) => h("th.number", { scope: "col" }, name)),
      ),
    ),
    h("tbody", {}, stages.map((stage) => (stage.stage === "gap" ? gap(stage, span) : row(stage, span)))),
  );
}

/** @param {Stage} stage */
function at({ start_us }) {
  return start_us ? `+${duration(start_us)}` : "0";
}

/** @param {number} span */
function scale(span) {
  return h(
    "span.scale",
    { "aria-hidden": "true" },
    [0, 0.25, 0.5, 0.75].map((share) => {
      const tick = h("span", {}, duration(share * span).replace(/^0 µs$/, "0"));
      tick.style.left = `${share * 100}%`;
      return tick;
    }),
  );
}

/**
 * @param {Stage} stage
 * @param {number} span
 */
function row(stage, span) {
  const tone = kind(stage);
  const size = stage.size && stage.bytes < stage.size ? `${bytes(stage.bytes)} of ${bytes(stage.size)}` : bytes(stage.bytes);
  return h(
    "tr",
    { class: tone },
    h("th", { scope: "row" }, stage.stage),
    h("td.file", {}, h("span.file-path", {}, stage.path), h("span.file-note", {}, words(stage))),
    h("td.track", {}, bar(stage, span, tone)),
    h("td.number", {}, at(stage)),
    h("td.number", {}, duration(stage.duration_us)),
    h("td.number", {}, stage.bytes || tone === "bad" ? size : "–"),
  );
}

/**
 * @param {Stage} stage
 * @param {number} span
 */
function gap(stage, span) {
  return h(
    "tr.gap",
    {},
    h("th", { scope: "row" }, "gap"),
    h("td.file", {}, stage.note || stage.path || "Nothing was asked for."),
    h("td.track", {}, bar(stage, span, "gap")),
    h("td.number", {}, at(stage)),
    h("td.number", {}, duration(stage.duration_us)),
    h("td.number", {}, "–"),
  );
}

/**
 * @param {Stage} stage
 * @returns {"well" | "miss" | "bad" | "now"}
 */
function kind({ outcome }) {
  if (outcome === "running") return "now";
  if (WELL.has(outcome)) return "well";
  return outcome === "not_found" ? "miss" : "bad";
}

/**
 * What came of it, and what is worth knowing beside.
 *
 * @param {Stage} stage
 */
function words(stage) {
  const said = [];
  if (stage.outcome === "running") {
    said.push(stage.size ? `running, ${percent(stage.bytes / stage.size)}` : "running");
  } else if (stage.outcome === "not_found") {
    said.push(stage.count > 1 ? plural(stage.count, "miss", "misses") : "not there");
  } else if (stage.outcome === "probe") {
    said.push("asked for its size only");
  } else if (stage.outcome !== "complete") {
    const at = stage.size && stage.bytes < stage.size ? ` at ${percent(stage.bytes / stage.size)}` : "";
    said.push(stage.outcome.replaceAll("_", " ") + at);
  }
  if (stage.count > 1 && stage.outcome !== "not_found") said.push(plural(stage.count, "request"));
  if (stage.blocks_resent) said.push(`${plural(stage.blocks_resent, "block")} resent`);
  if (stage.note) said.push(stage.note);
  return said.join(" · ");
}

/**
 * @param {Stage} stage
 * @param {number} span
 * @param {string} tone
 */
function bar(stage, span, tone) {
  const element = h("span", { class: `time-bar ${tone}`, "aria-hidden": "true" });
  element.style.left = `${(stage.start_us / span) * 100}%`;
  element.style.width = `${(stage.duration_us / span) * 100}%`;
  return element;
}
