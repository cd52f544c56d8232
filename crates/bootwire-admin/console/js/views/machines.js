// Machines that were heard of, those heard of last first.

import { get } from "../api.js";
import { fill, h, paced, settle, write } from "../dom.js";
import { ago, count, full } from "../format.js";
import { List } from "../list.js";
import { Pages } from "../pages.js";
import { badge, choice, filterBox, heading, linkIn, missing, nothing, summary, textIn, trouble, withoutBoots } from "../parts.js";
import { link, refine } from "../router.js";
import { noBoots } from "./boots.js";

/** @typedef {import("../../types").Machine} Machine */

/** @type {[string, string][]} */
const WHICH = [
  ["", "All"],
  ["failed", "Failed"],
  ["discovered", "Discovered"],
];

/** @type {import("../main.js").Open} */
export function machinesView(place, { live }) {
  let search = place.query.get("q") ?? "";
  let which = place.query.get("which") ?? "";
  const problem = h("div");
  /** @type {Pages<Machine>} */
  const pages = new Pages(
    async (after, limit, signal) => {
      const state = which === "failed" ? "failed" : "";
      /** @type {import("../../types").MachinesPage} */
      const page = await get("machines", { search, state, discovered: which === "discovered", after, limit }, signal);
      for (const machine of page.machines) if (machine.last_boot) machine.last_boot = live.latest(machine.last_boot);
      return { items: page.machines, next: page.next };
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
  /** @type {List<Machine>} */
  const list = new List({
    label: "Machines, those heard of last first",
    columns: COLUMNS,
    count: () => pages.count(),
    total: () => pages.total(),
    waiting: () => !pages.begun,
    get: (index) => pages.get(index),
    href: (machine) => link("machines", machine.machine),
    tone: (machine) => machine.last_boot?.state ?? "",
    empty: () => {
      if (search) return nothing("No machine matches", "Take a part of its name, hardware address or IP address.");
      if (which === "discovered") return nothing("Every machine that booted is in the inventory", "New ones show here.");
      if (which === "failed") return nothing("No machine's last boot failed");
      return noBoots();
    },
  });

  const restart = () => {
    list.restart();
    pages.restart();
  };
  const again = paced(1500, () => {
    if (list.atTop()) void pages.renew();
  });
  // Once more when the database has it, too.
  const later = paced(5000, again);
  const off = live.on("boots", (/** @type {Map<string, import("../../types").Boot>} */ boots) => {
    const latest = new Map([...boots.values()].map((boot) => [boot.machine, boot]));
    let found = 0;
    for (const machine of pages.here()) {
      const boot = latest.get(machine.machine);
      if (!boot) continue;
      machine.last_boot = boot;
      machine.last_seen = boot.last;
      found += 1;
    }
    if (found) list.refresh();
    if (found < latest.size || boots.size === 0) {
      again();
      later();
    }
  });
  const timer = setInterval(() => list.refresh(), 5000);
  const find = settle(200, (/** @type {string} */ text) => {
    search = text;
    refine({ q: text });
    restart();
  });
  pages.restart();
  return {
    title: "Machines",
    element: h(
      "section.view.full",
      {},
      heading(
        "Machines",
        choice("Which machines", WHICH, which, (chosen) => {
          which = chosen;
          refine({ which });
          restart();
        }),
        filterBox("Name or address", search, find),
      ),
      problem,
      list.element,
    ),
    resume: () => list.resume(),
    close: () => {
      off();
      clearInterval(timer);
      pages.close();
      list.close();
    },
  };
}

/** @type {import("../list.js").Column<Machine>[]} */
const COLUMNS = [
  {
    key: "machine",
    label: "Machine",
    width: "minmax(10rem, 1.2fr)",
    narrow: "main",
    show: (cell, { machine }) => linkIn(cell, link("machines", machine), machine),
  },
  {
    key: "known",
    label: "Inventory",
    width: "6.6rem",
    show: (cell, { known }) => textIn(cell, known === false ? "not in it" : known ? "known" : "–"),
  },
  {
    key: "peer",
    label: "Address",
    width: "minmax(7rem, 0.8fr)",
    show: (cell, { peer }) => textIn(cell, peer ?? "–", true),
  },
  {
    key: "state",
    label: "Last boot",
    width: "7.2rem",
    narrow: "side",
    show: (cell, { last_boot: boot }) => {
      const state = boot?.state ?? "none";
      if (cell.dataset["state"] === state && cell.firstChild) return;
      cell.dataset["state"] = state;
      fill(cell, boot ? badge(boot.state) : "none kept");
    },
  },
  {
    key: "verdict",
    label: "Verdict",
    width: "minmax(10rem, 2.4fr)",
    narrow: "under",
    show: (cell, { last_boot: boot }) => textIn(cell, boot ? summary(boot) : "", true),
  },
  {
    key: "boots",
    label: "Boots",
    width: "4.5rem",
    numeric: true,
    show: (cell, { boots }) => textIn(cell, boots ? count(boots) : "–"),
  },
  {
    key: "seen",
    label: "Heard of",
    width: "6.5rem",
    numeric: true,
    narrow: "corner",
    show: (cell, { last_seen: seen }) => {
      write(cell, ago(seen));
      cell.title = full(seen);
    },
  },
];
