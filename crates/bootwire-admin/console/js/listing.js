// A view that is one long list which the server has: found by words, narrowed by a choice, kept up to date while boots
// go on.

import { fill, h, paced, settle } from "./dom.js";
import { List } from "./list.js";
import { Pages } from "./pages.js";
import { choice, filterBox, heading, missing, trouble, withoutBoots } from "./parts.js";
import { refine } from "./router.js";

/** @typedef {import("../types").Boot} Boot */

/** What somebody looks for. @typedef {{ search: string, chosen: string }} Asked */

/**
 * @template T
 * @typedef {object} Listing
 * @property {string} title
 * @property {string} label what is listed, and in which order
 * @property {import("./list.js").Column<T>[]} columns
 * @property {{ label: string, key: string, choices: [string, string][] }} choice `key` is its name in the address
 * @property {string} hint what is found by
 * @property {(asked: Asked, page: { after: string | undefined, limit: number }, signal: AbortSignal) => Promise<{ items: T[], next?: string | undefined }>} load
 * @property {(boots: Map<string, Boot>, here: Iterable<T>) => { found: number, all: boolean }} heard writes news of
 *     boots into what is here: into how many, and whether that was all of them
 * @property {number} renew how long after other news the first page is asked for again, in ms
 * @property {(item: T) => string} href
 * @property {(item: T) => string} tone
 * @property {(asked: Asked) => Node} empty
 */

/**
 * @template T
 * @param {import("./router.js").Place} place
 * @param {import("./live.js").Live} live
 * @param {Listing<T>} listing
 */
export function listing(place, live, listing) {
  /** @type {Asked} */
  const asked = { search: place.query.get("q") ?? "", chosen: place.query.get(listing.choice.key) ?? "" };
  const problem = h("div");
  /** @type {Pages<T>} */
  const pages = new Pages((after, limit, signal) => listing.load(asked, { after, limit }, signal), {
    changed: () => {
      list.element.hidden = false;
      fill(problem);
      list.refresh();
    },
    failed: (error) => {
      list.element.hidden = missing(error);
      fill(problem, missing(error) ? withoutBoots() : trouble(error, () => pages.restart()));
    },
  });
  /** @type {List<T>} */
  const list = new List({
    label: listing.label,
    columns: listing.columns,
    count: () => pages.count(),
    total: () => pages.total(),
    waiting: () => !pages.begun,
    get: (index) => pages.get(index),
    href: listing.href,
    tone: listing.tone,
    empty: () => listing.empty(asked),
  });
  const restart = () => {
    list.restart();
    pages.restart();
  };
  const again = paced(listing.renew, () => {
    // Who has scrolled down reads: the list shall not move beneath them.
    if (list.atTop()) void pages.renew();
  });
  const off = live.on("boots", (/** @type {Map<string, Boot>} */ boots) => {
    const { found, all } = listing.heard(boots, pages.here());
    if (found) list.refresh();
    if (!all || boots.size === 0) again();
  });
  const find = settle(200, (/** @type {string} */ text) => {
    asked.search = text;
    refine({ q: text });
    restart();
  });
  const choose = (/** @type {string} */ chosen) => {
    asked.chosen = chosen;
    refine({ [listing.choice.key]: chosen });
    restart();
  };
  pages.restart();
  return {
    title: listing.title,
    element: h(
      "section.view.full",
      {},
      heading(
        listing.title,
        choice(listing.choice.label, listing.choice.choices, asked.chosen, choose),
        filterBox(listing.hint, asked.search, find),
      ),
      problem,
      list.element,
    ),
    /** Writes the rows again: what they tell has grown older. */
    refresh: () => list.refresh(),
    resume: () => list.resume(),
    close: () => {
      off();
      pages.close();
      list.close();
    },
  };
}
