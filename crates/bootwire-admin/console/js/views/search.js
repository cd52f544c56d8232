// Search: machines, boots, what runs now, what ran lately.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { percent } from "../format.js";
import { icon } from "../icons.js";
import { heading, host, nothing, summary, trouble } from "../parts.js";
import { link } from "../router.js";
import { shortList } from "./boots.js";
import { matches, share } from "./live.js";
import { recordTable } from "./machine.js";

const MOST = 8;

/** @type {import("../main.js").Open} */
export function searchView(place, { live }) {
  let abort = new AbortController();
  const body = h("div.body.results");
  const said = h("p.note", { role: "status" });

  /** @param {string} q */
  async function find(q) {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    if (!q) {
      fill(said);
      fill(body, nothing("What do you look for?", "Type a part of a machine's name, its hardware or IP address, or a path."));
      return;
    }
    try {
      const [machines, boots, records] = await Promise.all([
        /** @type {Promise<import("../../types").MachinesPage>} */ (get("machines", { search: q, limit: MOST }, signal).catch(none)),
        /** @type {Promise<import("../../types").BootsPage>} */ (get("boots", { search: q, limit: MOST }, signal).catch(none)),
        /** @type {Promise<import("../../types").RecordsPage>} */ (get("records", { path: `*${q.replace(/[*?]/g, "?")}*`, limit: MOST }, signal)),
      ]);
      draw(q, machines?.machines ?? [], boots?.boots ?? [], records.records);
    } catch (error) {
      if (!signal.aborted) fill(body, trouble(error, () => find(q)));
    }
  }

  /**
   * @param {string} q
   * @param {import("../../types").Machine[]} machines
   * @param {import("../../types").Boot[]} boots
   * @param {import("../../types").TransferRecord[]} records
   */
  function draw(q, machines, boots, records) {
    const wanted = q.toLowerCase();
    const moving = [];
    for (const transfer of live.transfers.values()) {
      if (moving.length === MOST) break;
      if (matches(transfer, wanted)) moving.push(transfer);
    }
    const found = machines.length + boots.length + moving.length + records.length;
    fill(said, found ? "" : `Nothing has “${q}” in it.`);
    fill(
      body,
      group(
        "Machines",
        machines,
        link("machines", { q }),
        h(
          "ul.short",
          {},
          machines.map(({ machine, peer, last_boot: boot }) =>
            h(
              "li",
              { class: boot?.state },
              h(
                "a",
                { href: link("machines", machine) },
                icon(boot?.state ?? "machines"),
                h("span.short-name", {}, machine),
                h("span.short-text", {}, boot ? summary(boot) || boot.state : ""),
                h("span.short-time", {}, peer),
              ),
            ),
          ),
        ),
      ),
      group(
        "Running now",
        moving,
        link("live", { q }),
        h(
          "ul.short",
          {},
          moving.map((transfer) =>
            h(
              "li",
              {},
              h(
                "a",
                { href: link("live", transfer.id) },
                icon("live"),
                h("span.short-name", {}, transfer.machine ?? host(transfer.peer)),
                h("span.short-text.mono", {}, transfer.path),
                h("span.short-time", {}, percent(share(transfer))),
              ),
            ),
          ),
        ),
      ),
      group("Boots", boots, link("boots", { q }), shortList(boots)),
      group("Transfers lately", records, null, recordTable(records)),
      h(
        "p.actions",
        {},
        q.startsWith("/") && h("a.button", { href: link("explain", { request: q }) }, "Explain a request for this path"),
      ),
    );
  }

  const text = place.query.get("q") ?? "";
  void find(text);
  return {
    title: "Search",
    element: h("section.view", {}, heading("Search"), said, body),
    moved: (to) => void find(to.query.get("q") ?? ""),
    close: () => abort.abort(),
  };
}

/** A server without boots has no such lists. @param {{ status?: number }} error */
function none(error) {
  if (error.status === 404) return null;
  throw error;
}

/**
 * @param {string} title
 * @param {unknown[]} found
 * @param {string | null} more
 * @param {Node} list
 */
function group(title, found, more, list) {
  return (
    found.length > 0 &&
    h(
      "section",
      {},
      h("div.group-head", {}, h("h2", {}, title), found.length === MOST && more && h("a", { href: more }, `All ${title.toLowerCase()} that match`)),
      list,
    )
  );
}
