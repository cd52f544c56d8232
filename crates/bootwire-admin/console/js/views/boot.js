// One boot: what came of it, what to do, and everything that was asked for.

import { get, part } from "../api.js";
import { fill, h, paced } from "../dom.js";
import { bytes, count, duration, full } from "../format.js";
import { facts, heading, host, machineLink, missing, nothing, trouble, verdict } from "../parts.js";
import { link } from "../router.js";
import { timeline } from "../timeline.js";

/** @typedef {import("../../types").BootDetail} BootDetail */

/** @type {import("../main.js").Open} */
export function bootView(place, { live }) {
  const id = place.rest[0] ?? "";
  const abort = new AbortController();
  const title = heading("Boot");
  const body = h("div.body", { "aria-busy": "true" });
  let more = false;
  let running = true;

  async function load() {
    try {
      /** @type {BootDetail} */
      const found = await get(`boots/${part(id)}`, {}, abort.signal);
      running = found.boot.state === "running";
      draw(found);
    } catch (error) {
      if (abort.signal.aborted) return;
      running = false;
      fill(
        body,
        missing(error)
          ? nothing("This boot is not kept any more", "Boots are kept for as long as ", h("code", {}, "[boots] keep"), " says.")
          : trouble(error, load),
      );
    }
    body.removeAttribute("aria-busy");
  }

  /** @param {BootDetail} found */
  function draw({ boot, stages, detail }) {
    const name = boot.machine || boot.peer;
    const head = /** @type {HTMLElement} */ (title.querySelector("h1"));
    if (head.textContent !== name) fill(head, name);
    const first = stages.find((stage) => stage.path.startsWith("/"))?.path;
    fill(
      body,
      verdict(boot, "Verdict"),
      facts([
        ["Machine", boot.machine ? machineLink(boot.machine) : "not known"],
        ["Client", boot.peer],
        ["Began", full(boot.started)],
        ["Took", duration(boot.duration_us)],
        ["Transferred", bytes(boot.bytes)],
        ["Requests", count(boot.transfers)],
      ]),
      stages.length > 0 && h("div.timeline-box", { tabindex: 0, role: "region", "aria-label": "Timeline" }, timeline(stages, boot.duration_us)),
      h(
        "p.actions",
        {},
        boot.machine && h("a.button", { href: link("machines", boot.machine) }, "All boots of this machine"),
        first && h("a.button", { href: link("explain", { request: first, from: host(boot.peer) }) }, "Explain its first request"),
      ),
      detail
        ? h(
            "details.raw",
            { open: more, on: { toggle: (/** @type {Event} */ event) => (more = /** @type {HTMLDetailsElement} */ (event.target).open) } },
            h("summary", {}, "All that is known, as JSON"),
            h("pre", { tabindex: 0 }, JSON.stringify(detail, null, 2)),
          )
        : null,
    );
  }

  const again = paced(400, load);
  const off = live.on("boots", (boots) => boots.has(id) && again());
  const timer = setInterval(() => running && !document.hidden && void load(), 2000);
  void load();
  return {
    title: "Boot",
    element: h("section.view", {}, h("p.way", {}, h("a", { href: link("boots") }, "Boots")), title, body),
    close: () => {
      off();
      clearInterval(timer);
      abort.abort();
    },
  };
}
