// What several views show in the same way.

import { Trouble } from "./api.js";
import { h, fill, write } from "./dom.js";
import { ago, full } from "./format.js";
import { icon } from "./icons.js";
import { link } from "./router.js";

/** @typedef {import("../types").Boot} Boot */
/** @typedef {import("../types").BootState} BootState */

/** @type {{ [state in BootState]: string }} */
const STATES = { running: "running", complete: "complete", failed: "failed", unknown: "ended" };

/**
 * How a boot stands, as an icon and a word.
 *
 * @param {BootState} state
 */
export function badge(state) {
  const known = state in STATES ? state : "unknown";
  return h("span", { class: `badge ${known}` }, icon(known), STATES[known]);
}

/**
 * What a list says of a boot: its verdict, or where it is.
 *
 * @param {Boot} boot
 */
export function summary(boot) {
  if (boot.verdict?.text) {
    // What the state says already need not be said twice.
    const { text } = boot.verdict;
    const state = STATES[boot.state];
    if (text === state) return "";
    return text.startsWith(`${state}: `) ? text.slice(state.length + 2) : text;
  }
  if (boot.state === "running") return boot.stage ? `now at ${boot.stage}` : "has begun";
  return boot.stage ? `ended at ${boot.stage}` : "ended";
}

/**
 * What came of a boot, and what to do: before anything else.
 *
 * @param {Boot} boot
 * @param {string} label
 * @param {string} [href] where it leads
 */
export function verdict(boot, label, href) {
  const text = summary(boot);
  const words = href ? h("a", { href }, text || "See this boot") : text;
  return h(
    "section",
    { class: `verdict ${boot.state}`, "aria-label": label },
    badge(boot.state),
    words && h("p.verdict-text", {}, words),
    boot.verdict?.advice && h("p.verdict-advice", {}, h("b", {}, "What to do: "), commands(boot.verdict.advice)),
  );
}

/**
 * A text whose commands, in backticks, stand out.
 *
 * @param {string} text
 */
function commands(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/**
 * An address without its port and brackets.
 *
 * @param {string | undefined} peer
 */
export function host(peer = "") {
  return /^\[(.*)\](:\d+)?$/.exec(peer)?.[1] ?? /^([^:]*):\d+$/.exec(peer)?.[1] ?? peer;
}

/**
 * A time, with how long ago it was.
 *
 * @param {string | null | undefined} time RFC 3339
 */
export function when(time) {
  return h("time", { datetime: time, title: full(time) }, ago(time));
}

/** Keeps every "12 s ago" beneath `root` true. @param {ParentNode} root */
export function age(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    write(element, ago(element.getAttribute("datetime")));
  }
}

/**
 * @param {string} machine
 * @param {string} [text]
 */
export function machineLink(machine, text = machine) {
  return h("a", { href: link("machines", machine), title: machine }, text);
}

/**
 * Writes a link into a cell that may hold another one.
 *
 * @param {HTMLElement} cell
 * @param {string} href
 * @param {string} text
 * @param {string} [className]
 */
export function linkIn(cell, href, text, className = "") {
  let anchor = cell.firstElementChild;
  if (!(anchor instanceof HTMLAnchorElement)) {
    anchor = h("a", { tabindex: -1, class: className });
    fill(cell, anchor);
  }
  if (anchor.getAttribute("href") !== href) anchor.setAttribute("href", href);
  write(anchor, text);
  if (cell.title !== text) cell.title = text;
}

/**
 * Writes text into a cell of a list.
 *
 * @param {HTMLElement} cell
 * @param {string} text
 * @param {boolean} [whole] whether it may be too long, so that pointing at it shows all
 */
export function textIn(cell, text, whole = false) {
  write(cell, text);
  if (whole && cell.title !== text) cell.title = text;
}

/**
 * What to say where there is nothing.
 *
 * @param {string} title
 * @param {...(Node | string | false)} words what to do about it
 */
export function nothing(title, ...words) {
  return h("div.nothing", {}, h("h2", {}, title), h("p", {}, words));
}

/**
 * What went wrong, with a button to try again.
 *
 * @param {unknown} error
 * @param {() => void} [again]
 */
export function trouble(error, again) {
  const text = error instanceof Trouble ? error.message : `This page has a mistake: ${error}`;
  return h(
    "div.trouble",
    { role: "alert" },
    icon("warning"),
    h("p", {}, text),
    again && h("button", { type: "button", on: { click: again } }, "Try again"),
  );
}

/** For a program that keeps no boots. */
export function withoutBoots() {
  return nothing(
    "This server keeps no boots",
    "Set ",
    h("code", {}, "database"),
    " in ",
    h("code", {}, "[boots]"),
    " to a file, or to ",
    h("code", {}, '"memory"'),
    ", and boots and machines show here.",
  );
}

/**
 * Whether the server said that there is no such thing.
 *
 * @param {unknown} error
 */
export function missing(error) {
  return error instanceof Trouble && error.status === 404;
}

/**
 * Names and values.
 *
 * @param {([string, Node | string | null | undefined | false])[]} facts those without a value are left out
 */
export function facts(facts) {
  return h(
    "dl.facts",
    {},
    facts
      .filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "")
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value || null))),
  );
}

/**
 * A choice of a few, as radio buttons that look like one switch.
 *
 * @param {string} label
 * @param {[string, string][]} choices value and text
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
export function choice(label, choices, chosen, choose) {
  const name = `choice-${label.replace(/\W+/g, "-").toLowerCase()}`;
  return h(
    "fieldset.choice",
    {},
    h("legend.unseen", {}, label),
    choices.map(([value, text]) =>
      h(
        "label",
        {},
        h("input", {
          type: "radio",
          name,
          value,
          checked: value === chosen,
          on: { change: () => choose(value) },
        }),
        h("span", {}, text),
      ),
    ),
  );
}

/**
 * A box for a part of a name.
 *
 * @param {string} label
 * @param {string} value
 * @param {(text: string) => void} changed
 */
export function filterBox(label, value, changed) {
  return h("input.filter", {
    type: "search",
    "aria-label": label,
    placeholder: label,
    value,
    maxlength: 256,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    on: { input: (/** @type {InputEvent} */ event) => changed(/** @type {HTMLInputElement} */ (event.target).value) },
  });
}

/**
 * The head of a view.
 *
 * @param {string} title
 * @param {...(Node | string | false | null)} tools
 */
export function heading(title, ...tools) {
  return h("div.heading", {}, h("h1", { tabindex: -1 }, title), h("div.tools", {}, tools));
}

/**
 * A bar that fills up.
 *
 * @param {string} label
 */
export function meter(label) {
  const filled = h("span.bar-fill", {});
  const element = h("span.bar", { role: "img", "aria-label": label }, filled);
  return {
    element,
    /** @param {number | null} share between 0 and 1; null if nobody knows */
    set(share) {
      element.classList.toggle("unsure", share === null);
      filled.style.transform = `scaleX(${share === null ? 1 : Math.min(1, Math.max(0, share))})`;
      element.setAttribute("aria-label", share === null ? `${label}: size not known` : `${label}: ${Math.floor(share * 100)} %`);
    },
  };
}
