// Machines that were heard of, those heard of last first.

import { get } from "../api.js";
import { fill, write } from "../dom.js";
import { ago, count, full } from "../format.js";
import { listing } from "../listing.js";
import { badge, linkIn, nothing, summary, textIn } from "../parts.js";
import { link } from "../router.js";
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
  const view = listing(place, live, {
    title: "Machines",
    label: "Machines, those heard of last first",
    columns: COLUMNS,
    choice: { label: "Which machines", key: "which", choices: WHICH },
    hint: "Name or address",
    load: async ({ search, chosen }, page, signal) => {
      const state = chosen === "failed" ? "failed" : "";
      /** @type {import("../../types").MachinesPage} */
      const { machines, next } = await get("machines", { search, state, discovered: chosen === "discovered", ...page }, signal);
      for (const machine of machines) if (machine.last_boot) machine.last_boot = live.latest(machine.last_boot);
      return { items: machines, next };
    },
    heard: (boots, here) => {
      const latest = new Map([...boots.values()].map((boot) => [boot.machine, boot]));
      let found = 0;
      for (const machine of here) {
        const boot = latest.get(machine.machine);
        if (!boot) continue;
        machine.last_boot = boot;
        machine.last_seen = boot.last;
        found += 1;
      }
      return { found, all: found === latest.size };
    },
    renew: 1500,
    href: (machine) => link("machines", machine.machine),
    tone: (machine) => machine.last_boot?.state ?? "",
    empty: ({ search, chosen }) => {
      if (search) return nothing("No machine matches", "Take a part of its name, hardware address or IP address.");
      if (chosen === "discovered") return nothing("Every machine that booted is in the inventory", "New ones show here.");
      if (chosen === "failed") return nothing("No machine's last boot failed");
      return noBoots();
    },
  });
  const timer = setInterval(view.refresh, 5000);
  return {
    ...view,
    close: () => {
      clearInterval(timer);
      view.close();
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
