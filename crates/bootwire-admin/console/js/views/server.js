// The server itself: who listens to it and what they lost, how busy it is, what it was told.

import { Trouble, get, post } from "../api.js";
import { attribute, fill, h } from "../dom.js";
import { bytes, count, percent, plural } from "../format.js";
import { facts, heading, meter, missing, trouble, when } from "../parts.js";
import { refusals } from "../words.js";

/** @typedef {import("../../types").Status} Status */
/** @typedef {import("../../types").Configuration} Configuration */

/** @type {import("../main.js").Open} */
export function serverView(_place, { live }) {
  const abort = new AbortController();
  const about = h("div", { "aria-busy": "true" });
  const exporters = h("div");
  const load = h("div.loads");
  const refused = h("div");
  const settings = h("div");
  /** @type {ReturnType<typeof meter>[]} */
  let meters = [];

  async function ask() {
    try {
      /** @type {Status} */
      const status = await get("status", {}, abort.signal);
      fill(
        about,
        status.problems.length > 0 && h("ul.problems", {}, status.problems.map((text) => h("li", {}, text))),
        facts([
          ["Version", `${status.name} ${status.version}`],
          ["Started", when(status.started)],
          ["Listens on", h("span.mono", {}, status.listen.join(", "))],
          ["Takes requests", status.ready ? "yes" : "no: it finishes what runs"],
          ["Workers", count(status.workers)],
          ["Memory", status.memory ? bytes(status.memory) : null],
          ["Configuration", status.configuration],
        ]),
      );
      figures({ ...status, counts: status.counts });
    } catch (error) {
      if (!abort.signal.aborted) fill(about, trouble(error, ask));
    }
    about.removeAttribute("aria-busy");
  }

  /** @param {Pick<Status, "exporters" | "load" | "counts">} now */
  function figures(now) {
    fill(exporters, exporterTable(now.exporters));
    if (meters.length !== now.load.length) {
      meters = now.load.map((_, at) => meter(`Worker ${at + 1}`));
      fill(
        load,
        meters.map(({ element }, at) => h("div.load", {}, h("span", {}, `Worker ${at + 1}`), element, h("span.number"))),
      );
    }
    for (const [at, share] of now.load.entries()) {
      meters[at]?.set(share);
      const text = meters[at]?.element.nextElementSibling;
      if (text) text.textContent = percent(Math.round(share * 100) / 100);
    }
    const why = refusals(now.counts);
    fill(
      refused,
      why.length ? facts(why.map(([name, n]) => [name, count(n)])) : h("p.note", {}, "None since the server started."),
    );
  }

  async function configuration() {
    try {
      /** @type {Configuration} */
      const found = await get("config", {}, abort.signal);
      fill(settings, configurationPanel(found));
    } catch (error) {
      if (abort.signal.aborted) return;
      fill(settings, missing(error) ? h("p.note", {}, "This program has no configuration.") : trouble(error, configuration));
    }
  }

  const off = live.on("stats", () => live.stats && figures(live.stats));
  const timer = setInterval(() => !document.hidden && void ask(), 5000);
  void ask();
  void configuration();
  return {
    title: "Server",
    element: h(
      "section.view",
      {},
      heading("Server"),
      about,
      actions(() => {
        void ask();
        void configuration();
      }),
      h("section", {}, h("h2", {}, "Who hears of transfers"), exporters),
      h("section", {}, h("h2", {}, "Load"), load),
      h("section", {}, h("h2", {}, "Requests without an answer"), refused),
      h("section", {}, h("h2", {}, "Configuration in force"), settings),
    ),
    close: () => {
      off();
      clearInterval(timer);
      abort.abort();
    },
  };
}

/** @param {import("../../types").Exporter[]} exporters */
function exporterTable(exporters) {
  if (!exporters.length) {
    return h("p.note", {}, "Nobody. Metrics, logs, webhooks and boots would be listed here, with what they lost.");
  }
  return h(
    "div.table-box",
    { tabindex: 0, role: "region", "aria-label": "Who hears of transfers" },
    h(
      "table.table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Name"),
          ["Sent", "Dropped", "Failed"].map((name) => h("th.number", { scope: "col" }, name)),
          h("th.means", { scope: "col" }, "Means"),
        ),
      ),
      h(
        "tbody",
        {},
        exporters.map(({ name, sent, dropped, failed }) =>
          h(
            "tr",
            { class: dropped + failed ? "bad" : "" },
            h("th", { scope: "row" }, name),
            [sent, dropped, failed].map((n) => h("td.number", {}, count(n))),
            h("td.means", {}, means(dropped, failed)),
          ),
        ),
      ),
    ),
  );
}

/**
 * @param {number} dropped
 * @param {number} failed
 */
function means(dropped, failed) {
  const said = [];
  if (dropped) said.push("its queue was full: it is slower than the transfers are");
  if (failed) said.push("what it took did not arrive: see the log for its last error");
  return said.join("; ") || "nothing lost";
}

/** @param {() => void} changed */
function actions(changed) {
  const said = h("div.said", { role: "status" });
  let sure = false;

  async function reload() {
    fill(said, "One moment …");
    try {
      /** @type {import("../../types").Reloaded} */
      const { lines } = await post("reload");
      fill(said, h("p", {}, "The new configuration is in force."), lines.length > 0 && h("pre", { tabindex: 0 }, lines.join("\n")));
    } catch (error) {
      // With mistakes in it, nothing changes, and the answer has them.
      const wrong = error instanceof Trouble ? /** @type {Partial<import("../../types").Reloaded> | undefined} */ (error.body)?.lines : null;
      if (wrong) fill(said, h("p", {}, "Nothing changed: the configuration has mistakes."), h("pre", { tabindex: 0 }, wrong.join("\n")));
      else fill(said, trouble(error));
    }
    changed();
  }

  async function drain() {
    if (!sure) {
      sure = true;
      fill(said, h("p", {}, "The server finishes the transfers that run and ends. New requests get no answer. Press again to do it."));
      attribute(drainButton, "aria-pressed", "true");
      return;
    }
    sure = false;
    attribute(drainButton, "aria-pressed", null);
    try {
      /** @type {import("../../types").Draining} */
      const { active, limit_ms } = await post("drain");
      fill(said, h("p", {}, `${plural(active, "transfer")} may take up to ${Math.round(limit_ms / 1000)} s. Then the server ends.`));
    } catch (error) {
      fill(said, trouble(error));
    }
    changed();
  }

  const drainButton = h("button.danger", { type: "button", on: { click: () => void drain() } }, "Drain and end");
  return h(
    "div.actions-box",
    {},
    h("p.actions", {}, h("button", { type: "button", on: { click: () => void reload() } }, "Reload the configuration"), drainButton),
    said,
  );
}

/** @param {Configuration} configuration */
function configurationPanel({ location, files, keys, serves, warnings }) {
  const set = keys.filter((key) => key.place);
  return h(
    "div.body",
    {},
    warnings.length > 0 && h("ul.problems", {}, warnings.map((text) => h("li", {}, text))),
    facts([
      ["Read from", h("span.mono", {}, location)],
      ["Files", files.length > 1 ? h("span.mono", {}, files.join(", ")) : null],
    ]),
    h("pre.words", { tabindex: 0 }, serves.join("\n")),
    h("h3", {}, "Settings"),
    set.length ? keyTable("Settings that are set", set) : h("p.note", {}, "None is set: the defaults hold."),
    h("details.raw", {}, h("summary", {}, `All ${count(keys.length)} settings, with their defaults`), keyTable("All settings", keys)),
  );
}

/**
 * @param {string} label
 * @param {Configuration["keys"]} keys
 */
function keyTable(label, keys) {
  return h(
    "div.table-box",
    { tabindex: 0, role: "region", "aria-label": label },
    h(
      "table.table",
      {},
      h("thead", {}, h("tr", {}, ["Setting", "Value", "Set at"].map((name) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        {},
        keys.map(({ key, value, help, place }) =>
          h("tr", {}, h("th.mono", { scope: "row", title: help }, key), h("td.mono", {}, value ?? "–"), h("td.quiet", {}, place ?? "default")),
        ),
      ),
    ),
  );
}
