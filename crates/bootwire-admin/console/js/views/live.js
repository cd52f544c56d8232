// Transfers that run now.

import { h, settle, write } from "../dom.js";
import { bytes, clock, count, duration, percent, plural, rate } from "../format.js";
import { List } from "../list.js";
import { filterBox, heading, host, linkIn, meter, nothing, textIn } from "../parts.js";
import { link, refine } from "../router.js";

/** @typedef {import("../live.js").Transfer} Transfer */

/** @type {{ [key: string]: (transfer: Transfer) => number | string }} */
const KEYS = {
  started: (transfer) => transfer.started,
  who: (transfer) => transfer.machine ?? transfer.peer,
  path: (transfer) => transfer.path,
  progress: (transfer) => share(transfer) ?? -1,
  rate: (transfer) => transfer.rate ?? -1,
  left: (transfer) => left(transfer) ?? Number.MAX_VALUE,
  resent: (transfer) => transfer.blocks_resent,
};

/** @type {import("../main.js").Open} */
export function liveView(place, { live }) {
  let search = place.query.get("q") ?? "";
  let sort = { key: place.query.get("sort") ?? "started", down: place.query.get("up") === null };
  /** @type {Transfer[]} */
  let order = [];
  let held = false;

  const note = h("p.note");
  /** @type {List<Transfer>} */
  const list = new List({
    label: "Transfers that run now",
    columns: COLUMNS,
    count: () => order.length,
    get: (index) => order[index],
    href: (transfer) => link("live", transfer.id),
    tone: (transfer) => (transfer.ended ? "ended" : transfer.idle_us > 3e6 ? "quiet" : ""),
    empty: () =>
      search
        ? nothing("No transfer matches", "Nothing that runs now has ", h("q", {}, search), " in its machine, address or path.")
        : nothing(
            "Nothing is being transferred",
            "A transfer shows here from its request to its end. See what came of earlier ones under ",
            h("a", { href: link("boots") }, "Boots"),
            ".",
          ),
    sort,
    sorted: (chosen) => {
      sort = chosen;
      refine({ sort: sort.key, up: sort.down ? null : "1" });
      arrange();
    },
    held: (now) => {
      held = now;
      arrange();
    },
  });

  function arrange() {
    if (held) {
      list.refresh();
      write(note, `${summary()} Rows stay in place while you point at them.`);
      return;
    }
    const wanted = search.toLowerCase();
    order = [];
    for (const transfer of live.transfers.values()) {
      if (!wanted || matches(transfer, wanted)) order.push(transfer);
    }
    const key = KEYS[sort.key] ?? /** @type {(transfer: Transfer) => string} */ (KEYS["started"]);
    const sign = sort.down ? -1 : 1;
    // Keys first: 5,000 transfers are compared 60,000 times.
    const keyed = order.map((transfer) => ({ transfer, key: key(transfer) }));
    keyed.sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : a.transfer.id - b.transfer.id));
    order = keyed.map(({ transfer }) => transfer);
    write(note, summary());
    list.refresh();
  }

  function summary() {
    const all = live.transfers.size;
    if (!all) return "";
    const which = search ? `${count(order.length)} of ${plural(all, "transfer")}.` : `${plural(all, "transfer")}.`;
    return live.total > all ? `${which} ${count(live.total)} run: only the first ${count(all)} are listed.` : which;
  }

  const off = live.on("transfers", arrange);
  const find = settle(80, (/** @type {string} */ text) => {
    search = text;
    held = false;
    refine({ q: search });
    list.restart();
    arrange();
  });
  arrange();
  return {
    title: "Live",
    element: h(
      "section.view.full",
      {},
      heading("Live transfers", filterBox("Machine, address or path", search, find)),
      note,
      list.element,
    ),
    resume: () => list.resume(),
    close: () => {
      off();
      list.close();
    },
  };
}

/**
 * @param {Transfer} transfer
 * @param {string} wanted in small letters
 */
export function matches({ machine, peer, path, route }, wanted) {
  return [machine, peer, path, route].some((text) => text?.toLowerCase().includes(wanted));
}

/**
 * The part that is done; null if the size is not known.
 *
 * @param {import("../../types").Transfer} transfer
 */
export function share(transfer) {
  return transfer.size ? transfer.bytes / transfer.size : null;
}

/**
 * Microseconds until it is done, at its rate; null if nobody can tell.
 *
 * @param {import("../../types").Transfer} transfer
 */
export function left({ size, bytes: done, rate: speed }) {
  return size && speed ? ((size - done) / speed) * 1e6 : null;
}

/**
 * What it waits for, if that is worth a word.
 *
 * @param {import("../../types").Transfer} transfer
 */
export function waits({ phase, idle_us }) {
  if (phase === "handler") return "waits for the answer";
  if (phase === "content") return "waits for content";
  if (idle_us > 3e6) return `silent for ${duration(idle_us)}`;
  return "";
}

/** @type {import("../list.js").Column<Transfer>[]} */
const COLUMNS = [
  {
    key: "who",
    label: "Machine",
    width: "minmax(8rem, 1fr)",
    sorts: true,
    narrow: "main",
    show: (cell, transfer) => linkIn(cell, link("live", transfer.id), transfer.machine ?? host(transfer.peer)),
  },
  {
    key: "path",
    label: "Path",
    width: "minmax(8rem, 2fr)",
    sorts: true,
    narrow: "under",
    show: (cell, { op, path }) => textIn(cell, op === "write" ? `upload ${path}` : path, true),
  },
  {
    key: "progress",
    label: "Progress",
    width: "10.5rem",
    sorts: true,
    narrow: "side",
    show: progress,
  },
  {
    key: "rate",
    label: "Rate",
    width: "9rem",
    numeric: true,
    sorts: true,
    narrow: "corner",
    show: (cell, transfer) => textIn(cell, transfer.ended ? "ended" : waits(transfer) || rate(transfer.rate ?? null)),
  },
  {
    key: "left",
    label: "Left",
    width: "5.2rem",
    numeric: true,
    sorts: true,
    show: (cell, transfer) => textIn(cell, duration(left(transfer))),
  },
  {
    key: "resent",
    label: "Resent",
    width: "4.2rem",
    numeric: true,
    sorts: true,
    show: (cell, { blocks_resent }) => textIn(cell, blocks_resent ? count(blocks_resent) : "–"),
  },
  {
    key: "started",
    label: "Began",
    width: "4.8rem",
    numeric: true,
    sorts: true,
    show: (cell, { started }) => textIn(cell, clock(started)),
  },
];

/** @type {WeakMap<HTMLElement, ReturnType<typeof meter>>} */
const meters = new WeakMap();

/**
 * @param {HTMLElement} cell
 * @param {Transfer} transfer
 */
function progress(cell, transfer) {
  let bar = meters.get(cell);
  if (!bar) meters.set(cell, (bar = meter("Progress")));
  if (bar.element.parentElement !== cell) cell.replaceChildren(bar.element, h("span.bar-text"));
  const done = share(transfer);
  bar.set(done);
  write(/** @type {Node} */ (cell.lastChild), done === null ? bytes(transfer.bytes) : percent(Math.floor(done * 100) / 100));
}
