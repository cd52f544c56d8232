// One machine: what it does now, and what it did.

import { get, part } from "../api.js";
import { fill, h, paced } from "../dom.js";
import { bytes, clock, count, duration, full, percent } from "../format.js";
import { age, facts, heading, host, missing, nothing, trouble, verdict, when } from "../parts.js";
import { link } from "../router.js";
import { adding } from "./adding.js";
import { shortList } from "./boots.js";
import { share } from "./live.js";

/** @typedef {import("../../types").MachineDetail} MachineDetail */
/** @typedef {import("../../types").TransferRecord} TransferRecord */

/** @type {import("../main.js").Open} */
export function machineView(place, { live }) {
  const name = place.rest[0] ?? "";
  const abort = new AbortController();
  const body = h("div.body", { "aria-busy": "true" });

  async function load() {
    try {
      /** @type {MachineDetail} */
      const found = await get(`machines/${part(name)}`, {}, abort.signal);
      draw(found);
    } catch (error) {
      if (abort.signal.aborted) return;
      fill(
        body,
        missing(error)
          ? nothing("Nobody has heard of this machine", "It shows here once it has asked this server for a file.")
          : trouble(error, load),
      );
    }
    body.removeAttribute("aria-busy");
  }

  /**
   * Once: what was typed there stays when the rest is drawn anew.
   *
   * @param {import("../../types").Machine} machine
   */
  const toAdd = (machine) => (addition ??= adding(machine, abort.signal));
  /** @type {HTMLElement | undefined} */
  let addition;

  /** @param {MachineDetail} found */
  function draw({ machine, boots, transfers, records }) {
    const last = machine.last_boot ?? boots[0];
    const from = host(machine.peer);
    fill(
      body,
      last && verdict(last, "Last boot", link("boots", last.id)),
      facts([
        ["Address", machine.peer],
        ["Hardware address", machine.mac !== machine.machine && machine.mac],
        ["Inventory", machine.known === false ? "does not know it" : machine.known ? "knows it" : null],
        ["Heard of first", machine.first_seen && full(machine.first_seen)],
        ["Heard of last", machine.last_seen && when(machine.last_seen)],
        ["Boots kept", count(machine.boots)],
      ]),
      machine.known === false && toAdd(machine),
      h(
        "p.actions",
        {},
        from && h("a.button", { href: link("explain", { from }) }, "Explain a request of it"),
      ),
      transfers.length > 0 &&
        h(
          "section",
          {},
          h("h2", {}, "Now"),
          h(
            "ul.short",
            {},
            transfers.map((transfer) =>
              h(
                "li",
                {},
                h(
                  "a",
                  { href: link("live", transfer.id) },
                  h("span.short-text.mono", {}, transfer.path),
                  h("span.short-time", {}, percent(share(transfer))),
                ),
              ),
            ),
          ),
        ),
      h("section", {}, h("h2", {}, "Boots"), boots.length ? shortList(boots, true) : h("p.note", {}, "None is kept.")),
      records.length > 0 && h("section", {}, h("h2", {}, "Transfers lately"), recordTable(records)),
    );
  }

  const again = paced(700, load);
  const off = live.on("boots", (/** @type {Map<string, import("../../types").Boot>} */ boots) => {
    for (const boot of boots.values()) if (boot.machine === name) again();
  });
  const timer = setInterval(() => age(body), 5000);
  void load();
  return {
    title: name,
    element: h("section.view", {}, h("p.way", {}, h("a", { href: link("machines") }, "Machines")), heading(name), body),
    close: () => {
      off();
      clearInterval(timer);
      abort.abort();
    },
  };
}

/**
 * Transfers that have ended.
 *
 * @param {TransferRecord[]} records
 */
export function recordTable(records) {
  return h(
    "div.table-box",
    { tabindex: 0, role: "region", "aria-label": "Transfers that ended" },
    h(
      "table.table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Path"),
          h("th", { scope: "col" }, "Outcome"),
          ["Bytes", "Took", "Ended"].map((head) => h("th.number", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        records.map((record) =>
          h(
            "tr",
            {},
            h("td.mono", {}, h("a", { href: link("live", record.id) }, record.path)),
            h("td", { title: record.detail }, record.outcome.replaceAll("_", " ")),
            h("td.number", {}, bytes(record.bytes)),
            h("td.number", {}, duration(record.duration_us)),
            h("td.number", {}, clock(record.time)),
          ),
        ),
      ),
    ),
  );
}
