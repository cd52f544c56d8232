// Boots, the newest first.

import { get } from "../api.js";
import { fill, h, paced, settle } from "../dom.js";
import { bytes, clock, duration } from "../format.js";
import { icon } from "../icons.js";
import { List } from "../list.js";
import { Pages } from "../pages.js";
import { badge, choice, filterBox, heading, host, linkIn, missing, nothing, summary, textIn, trouble, withoutBoots } from "../parts.js";
import { link, refine } from "../router.js";

/** @typedef {import("../../types").Boot} Boot */

/** @type {import("../main.js").Open} */
export function bootsView(place, { live }) {
  const asked = { search: place.query.get("q") ?? "", state: place.query.get("state") ?? "" };
  const problem = h("div");
  /** @type {Pages<Boot>} */
  const pages = new Pages(
    async (after, limit, signal) => {
      /** @type {import("../../types").BootsPage} */
      const page = await get("boots", { ...asked, after, limit }, signal);
      return { items: page.boots.map((boot) => live.latest(boot)), next: page.next };
    },
    {
      changed: () => {
        list.element.hidden = false;
        fill(problem);
        list.refresh();
      },
      failed: (error) => {
        list.element.hidden = missing(error);
        fill(problem, missing(error) ? withoutBoots() : trouble(error, () => pages.restart()));
      },
    },
  );
  /** @type {List<Boot>} */
  const list = new List({
    label: "Boots, the newest first",
    columns: COLUMNS,
    count: () => pages.count(),
    total: () => pages.total(),
    waiting: () => !pages.begun,
    get: (index) => pages.get(index),
    href: (boot) => link("boots", boot.id),
    tone: (boot) => boot.state,
    empty: () =>
      asked.search || asked.state
        ? nothing("No boot matches", "Take another state, or a shorter text.")
        : noBoots(),
  });

  const again = paced(700, () => {
    // Who has scrolled down reads: the list shall not move beneath them.
    if (list.atTop()) void pages.renew();
  });
  // Once more when the database has it, too.
  const later = paced(4000, again);
  const off = live.on("boots", (/** @type {Map<string, Boot>} */ boots) => {
    let found = 0;
    for (const known of pages.here()) {
      const boot = boots.get(known.id);
      if (!boot) continue;
      Object.assign(known, boot);
      found += 1;
    }
    if (found) list.refresh();
    if (found < boots.size || boots.size === 0) {
      again();
      later();
    }
  });
  const find = settle(200, (/** @type {string} */ text) => {
    asked.search = text;
    refine({ q: text });
    list.restart();
    pages.restart();
  });
  pages.restart();
  return {
    title: "Boots",
    element: h(
      "section.view.full",
      {},
      heading(
        "Boots",
        choice("Which boots", STATES, asked.state, (state) => {
          asked.state = state;
          refine({ state });
          list.restart();
          pages.restart();
        }),
        filterBox("Machine, address or verdict", asked.search, find),
      ),
      problem,
      list.element,
    ),
    resume: () => list.resume(),
    close: () => {
      off();
      pages.close();
      list.close();
    },
  };
}

/** @type {[string, string][]} */
const STATES = [
  ["", "All"],
  ["running", "Running"],
  ["failed", "Failed"],
  ["complete", "Complete"],
];

/**
 * What to do when nothing has booted yet.
 *
 * @param {string} [address] where the server listens
 */
export function noBoots(address) {
  return nothing(
    "Nothing has booted yet",
    "Point DHCP's ",
    h("code", {}, "next-server"),
    " at this server",
    address ? ` (${address})` : "",
    ", and its ",
    h("code", {}, "filename"),
    " at a boot loader. Each boot shows here from its first request on. To see what a machine would get, ask ",
    h("a", { href: link("explain") }, "Explain"),
    ".",
  );
}

/** @type {import("../list.js").Column<Boot>[]} */
export const COLUMNS = [
  {
    key: "state",
    label: "State",
    width: "7.2rem",
    narrow: "side",
    show: (cell, { state }) => {
      if (cell.dataset["state"] === state && cell.firstChild) return;
      cell.dataset["state"] = state;
      fill(cell, badge(state));
    },
  },
  {
    key: "machine",
    label: "Machine",
    width: "minmax(9rem, 1fr)",
    narrow: "main",
    show: (cell, boot) => linkIn(cell, link("boots", boot.id), boot.machine || host(boot.peer)),
  },
  {
    key: "verdict",
    label: "Verdict",
    width: "minmax(12rem, 3fr)",
    narrow: "under",
    show: (cell, boot) => textIn(cell, summary(boot), true),
  },
  {
    key: "bytes",
    label: "Bytes",
    width: "5.6rem",
    numeric: true,
    show: (cell, boot) => textIn(cell, bytes(boot.bytes)),
  },
  {
    key: "took",
    label: "Took",
    width: "6rem",
    numeric: true,
    show: (cell, boot) => textIn(cell, duration(boot.duration_us)),
  },
  {
    key: "began",
    label: "Began",
    width: "7rem",
    numeric: true,
    narrow: "corner",
    show: (cell, { started }) => textIn(cell, clock(started)),
  },
];

/**
 * A short list of boots inside of another view.
 *
 * @param {Boot[]} boots
 * @param {boolean} [ofOne] all of the same machine, which need not be named
 */
export function shortList(boots, ofOne = false) {
  return h(
    "ul.short",
    {},
    boots.map((boot) =>
      h(
        "li",
        { class: boot.state },
        h(
          "a",
          { href: link("boots", boot.id) },
          icon(boot.state),
          h("span.unseen", {}, `${boot.state}: `),
          !ofOne && h("span.short-name", {}, boot.machine || host(boot.peer)),
          h("span.short-text", {}, summary(boot) || boot.state),
          h("span.short-time", {}, clock(boot.started)),
        ),
      ),
    ),
  );
}
