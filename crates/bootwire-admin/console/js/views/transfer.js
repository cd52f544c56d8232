// One transfer.

import { get, part } from "../api.js";
import { fill, h } from "../dom.js";
import { bytes, count, duration, full, percent, rate } from "../format.js";
import { facts, heading, host, machineLink, meter, nothing, trouble } from "../parts.js";
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
    const ended = transfer.ended && h("p.note", {}, "It has ended. The log has its record.");
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

  if (transfer) show();
  else {
    get(`transfers/${part(id)}`).then(
      (/** @type {any} */ found) => {
        transfer ??= found;
        show();
      },
      (error) =>
        fill(
          body,
          error.status === 404
            ? nothing(
                "This transfer has ended",
                "The server keeps its record in the log. What it was a part of is under ",
                h("a", { href: link("boots") }, "Boots"),
                ".",
              )
            : trouble(error),
        ),
    );
  }
  const off = live.on("transfers", () => live.transfers.has(id) || transfer?.ended ? show() : undefined);
  return { title: `Transfer ${place.rest[0]}`, element, close: off };
}
