// One transfer.

import { get, part } from "../api.js";
import { fill, h } from "../dom.js";
import { bytes, count, duration, full, percent, rate } from "../format.js";
import { facts, heading, host, machineLink, meter, missing, nothing, trouble } from "../parts.js";
import { link } from "../router.js";
import { left, share, waits } from "./live.js";

/** @typedef {import("../../types").Transfer} Transfer */

/** @type {import("../main.js").Open} */
export function transferView(place, { live }) {
  const id = Number(place.rest[0]);
  /** @type {(Transfer & { ended?: boolean }) | undefined} */
  let transfer = live.transfers.get(id);
  const body = h("div.body");
  const bar = meter("Progress");
  const element = h(
    "section.view",
    {},
    h("p.way", {}, h("a", { href: link("live") }, "Live transfers")),
    heading(`Transfer ${place.rest[0]}`),
    body,
  );

  function show() {
    transfer = live.transfers.get(id) ?? transfer;
    if (!transfer) return;
    const done = share(transfer);
    bar.set(done);
    const ended = transfer.ended && h("p.note", {}, "It has ended.");
    const from = host(transfer.peer);
    fill(
      body,
      ended,
      h("p.path", {}, transfer.path),
      h("div.wide-bar", {}, bar.element, h("span", {}, done === null ? bytes(transfer.bytes) : percent(done))),
      facts([
        ["Machine", transfer.machine ? machineLink(transfer.machine) : "not known"],
        ["Client", transfer.peer],
        ["Asked", transfer.local],
        ["Route", transfer.route ?? "none yet"],
        ["Kind", transfer.op === "write" ? "upload" : "read"],
        ["Began", full(transfer.started)],
        ["Transferred", transfer.size ? `${bytes(transfer.bytes)} of ${bytes(transfer.size)}` : bytes(transfer.bytes)],
        ["Rate", rate(transfer.rate ?? null)],
        ["Left", duration(left(transfer))],
        ["Waits", waits(transfer) || "for nothing in particular"],
        ["Block size", `${count(transfer.blksize)} bytes, ${count(transfer.windowsize)} in a window`],
        ["Round trip", duration(transfer.round_trip_us ?? null)],
        ["Resent", `${count(transfer.blocks_resent)} blocks, after ${count(transfer.timeouts)} timeouts`],
      ]),
      h(
        "p.actions",
        {},
        h("a.button", { href: link("explain", { request: transfer.path, from }) }, "Explain this request"),
      ),
    );
  }

  /** Its record, if the server still has it in memory. */
  async function past() {
    /** @type {import("../../types").RecordsPage} */
    const { records } = await get("records", { limit: 1000 });
    const record = records.find((record) => record.id === id);
    if (record) fill(body, recordPanel(record));
    return record !== undefined;
  }

  async function load() {
    try {
      transfer ??= await get(`transfers/${part(id)}`);
      show();
    } catch (error) {
      const gone = missing(error);
      if (gone && (await past().catch(() => false))) return;
      fill(
        body,
        gone
          ? nothing(
              "This transfer has ended",
              "The log has its record. What it was a part of is under ",
              h("a", { href: link("boots") }, "Boots"),
              ".",
            )
          : trouble(error, load),
      );
    }
  }

  if (transfer) show();
  else void load();
  let asked = false;
  const off = live.on("transfers", () => {
    if (live.transfers.has(id)) show();
    else if (transfer?.ended && !asked) {
      asked = true;
      show();
      setTimeout(() => void past().catch(() => {}), 300);
    }
  });
  return { title: `Transfer ${place.rest[0]}`, element, close: off };
}

/**
 * For whom it waited, the longest first.
 *
 * @param {unknown} waits microseconds by name, as `client_us`
 */
function waited(waits) {
  const known = Object.entries(/** @type {{ [name: string]: number }} */ (waits ?? {})).filter(([, us]) => us > 0);
  return known
    .sort(([, a], [, b]) => b - a)
    .map(([name, us]) => `${name.replace(/_us$/, "")} ${duration(us)}`)
    .join(", ");
}

/**
 * What came of a transfer.
 *
 * @param {import("../../types").TransferRecord} record
 */
function recordPanel(record) {
  const error = /** @type {{ code: number, text: string } | null | undefined} */ (record["error"]);
  const figure = (/** @type {string} */ name) => /** @type {number | null | undefined} */ (record[name]);
  const word = (/** @type {string} */ name) => /** @type {string | null | undefined} */ (record[name]);
  return h(
    "div.body",
    {},
    h("p.path", {}, record.path),
    facts([
      ["Outcome", record.outcome.replaceAll("_", " ")],
      ["ERROR", error ? `${error.code}: ${error.text}` : null],
      ["Detail", record.detail],
      ["Machine", record.machine ? machineLink(record.machine) : null],
      ["Client", record.peer],
      ["Route", record.route],
      ["Answer", word("answer")],
      ["Cache", word("cache")],
      ["Version", word("version")],
      ["Began", full(record.started)],
      ["Ended", full(record.time)],
      ["Took", duration(record.duration_us)],
      ["Transferred", record.size ? `${bytes(record.bytes)} of ${bytes(record.size)}` : bytes(record.bytes)],
      ["Limited by", word("limited_by")],
      ["Waited for", waited(record["waits"])],
      ["Block size", figure("blksize") ? `${count(figure("blksize"))} bytes, ${count(figure("windowsize"))} in a window` : null],
      ["Round trip", figure("round_trip_us") ? duration(figure("round_trip_us")) : null],
      ["Resent", `${count(figure("blocks_resent") ?? 0)} blocks, after ${count(figure("timeouts") ?? 0)} timeouts`],
    ]),
    h(
      "p.actions",
      {},
      h("a.button", { href: link("explain", { request: record.path, from: host(record.peer) }) }, "Explain this request"),
    ),
  );
}
