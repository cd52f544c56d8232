// The cache of origins.

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { bytes, count, percent, plural } from "../format.js";
import { facts, heading, meter, missing, nothing, trouble } from "../parts.js";

/** @typedef {import("../../types").Cache} Cache */

/** @type {import("../main.js").Open} */
export function cacheView() {
  const abort = new AbortController();
  const now = h("div.body", { "aria-busy": "true" });
  const origins = h("div");
  const used = meter("Used");
  let known = "";

  async function load() {
    try {
      /** @type {Cache} */
      const cache = await get("cache", {}, abort.signal);
      draw(cache);
    } catch (error) {
      if (abort.signal.aborted) return;
      fill(
        now,
        missing(error)
          ? nothing(
              "This server has no cache",
              "It serves no origin. Name one in ",
              h("code", {}, "[origin.NAME]"),
              " and a directory in ",
              h("code", {}, "[cache] dir"),
              ", and what machines ask for is fetched once and kept.",
            )
          : trouble(error, load),
      );
      fill(origins);
    }
    now.removeAttribute("aria-busy");
  }

  /** @param {Cache} cache */
  function draw({ dir, max, figures, origins: those }) {
    const asked = figures.hits + figures.misses + figures.stale;
    used.set(max ? figures.disk_bytes / max : null);
    fill(
      now,
      h(
        "div.wide-bar",
        {},
        used.element,
        h("span", {}, max ? `${bytes(figures.disk_bytes)} of ${bytes(max)}` : bytes(figures.disk_bytes)),
      ),
      facts([
        ["Directory", h("span.mono", {}, dir)],
        ["Objects", `${count(figures.disk_objects)} versions`],
        ["Current versions", bytes(figures.current_bytes)],
        ["In memory", bytes(figures.memory_bytes)],
        ["Hits", asked ? `${percent((figures.hits + figures.stale) / asked)} of ${count(asked)} requests` : "no requests yet"],
        ["Served stale", count(figures.stale)],
        ["Fetched", bytes(figures.fetched_bytes)],
        ["Origins asked", `${plural(figures.asked, "time")}, ${count(figures.retried)} again`],
        ["Evicted", plural(figures.evicted, "version")],
      ]),
    );
    const key = JSON.stringify(those);
    if (key === known) return; // Somebody may be typing into a form.
    known = key;
    fill(origins, h("h2", {}, "Origins"), those.map((origin) => originPanel(origin, load)));
  }

  const timer = setInterval(() => !document.hidden && void load(), 2000);
  void load();
  return {
    title: "Cache",
    element: h("section.view", {}, heading("Cache"), now, origins),
    close: () => {
      clearInterval(timer);
      abort.abort();
    },
  };
}

/**
 * @param {import("../../types").Origin} origin
 * @param {() => void} changed
 */
function originPanel({ name, address, prefetch }, changed) {
  const path = h("input", {
    type: "text",
    "aria-label": `Object of ${name}`,
    placeholder: "Object, as 12.7/vmlinuz",
    maxlength: 1024,
    autocapitalize: "off",
    autocomplete: "off",
    spellcheck: "false",
  });
  const said = h("p.said", { role: "status" });
  let sure = "";

  /** @param {() => Promise<string>} work */
  async function act(work) {
    fill(said, "One moment …");
    try {
      fill(said, await work());
    } catch (error) {
      fill(said, error instanceof Error ? error.message : String(error));
    }
    changed();
  }

  const fetch = () =>
    act(async () => {
      sure = "";
      const named = path.value.trim();
      if (!named && !prefetch.length) return "Name an object: the configuration names none to fetch ahead.";
      /** @type {import("../../types").PrefetchReport} */
      const report = await post("cache/prefetch", { origin: name, paths: named ? [named] : [] });
      if (!report.objects.length) return report.started ? "It fetches what the configuration names; the log tells what comes of it." : "There was nothing to fetch.";
      return report.objects.map((object) => `${object.path}: ${object.error ?? bytes(object.bytes)}`).join("; ");
    });

  const purge = () =>
    act(async () => {
      const named = path.value.trim();
      const what = named || `all of ${name}`;
      if (sure !== what) {
        sure = what;
        return `Purge again to remove ${what} from the cache. Who asks next waits until it is fetched again.`;
      }
      sure = "";
      /** @type {import("../../types").Purged} */
      const gone = await post("cache/purge", named ? { origin: name, path: named } : { origin: name });
      return `Removed ${plural(gone.objects, "version")}, ${bytes(gone.bytes)}.`;
    });

  return h(
    "section.panel.origin",
    { "aria-label": `Origin ${name}` },
    h("h3", {}, name),
    h("p.mono.quiet", {}, address),
    prefetch.length > 0 && h("p.note", {}, `Fetched ahead: ${prefetch.join(", ")}`),
    h(
      "form.line",
      {
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            void fetch();
          },
        },
      },
      path,
      h("button", { type: "submit" }, "Prefetch"),
      h("button.danger", { type: "button", on: { click: () => void purge() } }, "Purge"),
    ),
    said,
  );
}
