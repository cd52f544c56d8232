// Boots, the newest first.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { bytes, clock, duration } from "../format.js";
import { icon } from "../icons.js";
import { listing } from "../listing.js";
import { badge, host, linkIn, nothing, summary, textIn } from "../parts.js";
import { link } from "../router.js";

/** @typedef {import("../../types").Boot} Boot */

/** @type {import("../main.js").Open} */
export function bootsView(place, { live }) {
  return listing(place, live, {
    title: "Boots",
    label: "Boots, the newest first",
    columns: COLUMNS,
    choice: { label: "Which boots", key: "state", choices: STATES },
    hint: "Machine, address or verdict",
    load: async ({ search, chosen }, page, signal) => {
      /** @type {import("../../types").BootsPage} */
      const { boots, next } = await get("boots", { search, state: chosen, ...page }, signal);
      return { items: boots.map((boot) => live.latest(boot)), next };
    },
    heard: (boots, here) => {
      let found = 0;
      for (const known of here) {
        const boot = boots.get(known.id);
        if (!boot) continue;
        Object.assign(known, boot);
        found += 1;
      }
      return { found, all: found === boots.size };
    },
    renew: 700,
    href: (boot) => link("boots", boot.id),
    tone: (boot) => boot.state,
    empty: ({ search, chosen }) =>
      search || chosen ? nothing("No boot matches", "Take another state, or a shorter text.") : noBoots(),
  });
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
