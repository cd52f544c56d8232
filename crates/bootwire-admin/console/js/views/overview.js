// The server at a glance: is anything wrong, and how much goes on.

import { get } from "../api.js";
import { Chart } from "../chart.js";
import { fill, h, paced, write } from "../dom.js";
import { count, percent, rate } from "../format.js";
import { SPAN, loss } from "../live.js";
import { heading, missing, trouble } from "../parts.js";
import { link } from "../router.js";
import { refusals } from "../words.js";
import { noBoots, shortList } from "./boots.js";

/** @typedef {import("../../types").BootsPage} BootsPage */

const MOST = 6;

/** @type {import("../main.js").Open} */
export function overviewView(_place, { live }) {
  const abort = new AbortController();
  const tiles = {
    open: tile("Transfers now", link("live")),
    out: tile("Throughput"),
    loss: tile("Resent"),
    failed: tile("Failed in 10 minutes", link("boots", { state: "failed" })),
  };
  const charts = {
    throughput: new Chart({
      title: "Throughput",
      about: "Content bytes a second, both ways, resends included.",
      series: ["Bytes a second"],
      format: rate,
      least: 1000,
      span: SPAN,
    }),
    loss: new Chart({
      title: "Loss",
      about: "The share of packets that were sent again.",
      series: ["Packets sent again"],
      format: percent,
      least: 0.01,
      span: SPAN,
    }),
    refused: new Chart({
      title: "Refusals",
      about: "Requests without an answer and transfers that failed, each second.",
      series: ["Without an answer", "Failed"],
      format: (value) => (value === null ? "–" : `${value % 1 ? value.toFixed(1) : count(value)}/s`),
      least: 4,
      span: SPAN,
    }),
  };
  const reasons = h("p.note");
  const problems = h("div");
  const failed = h("div.panel");
  const running = h("div.panel");
  let without = false;

  function figures() {
    const { samples, stats } = live;
    const last = samples.at(-1);
    write(tiles.open.value, last ? count(last.active) : "–");
    write(tiles.out.value, last ? rate(last.bytes_out + last.bytes_in) : "–");
    const minute = samples.slice(-60);
    const sum = minute.reduce(
      (all, sample) => ({ ...sample, packets_out: all.packets_out + sample.packets_out, blocks_resent: all.blocks_resent + sample.blocks_resent }),
      { packets_out: 0, blocks_resent: 0 },
    );
    write(tiles.loss.value, last ? percent(loss(/** @type {any} */ (sum))) : "–");
    const failures = samples.reduce((all, sample) => all + sample.failed, 0);
    write(tiles.failed.value, last ? count(failures) : "–");
    tiles.failed.element.classList.toggle("bad", failures > 0);

    const points = samples.map((sample) => ({ at: Date.parse(sample.time), sample }));
    charts.throughput.update(points.map(({ at, sample }) => ({ at, values: [sample.bytes_out + sample.bytes_in] })));
    charts.loss.update(points.map(({ at, sample }) => ({ at, values: [loss(sample)] })));
    charts.refused.update(points.map(({ at, sample }) => ({ at, values: [sample.refused, sample.failed] })));
    const why = refusals(stats?.counts ?? {});
    write(reasons, why.length ? `Requests without an answer since the start: ${why.map(([name, n]) => `${count(n)} ${name}`).join(", ")}.` : "");
  }

  async function boots() {
    if (without) return;
    try {
      const [bad, now] = await Promise.all([
        /** @type {Promise<BootsPage>} */ (get("boots", { state: "failed", limit: MOST }, abort.signal)),
        /** @type {Promise<BootsPage>} */ (get("boots", { state: "running", limit: MOST }, abort.signal)),
      ]);
      let empty = null;
      if (!bad.boots.length && !now.boots.length) {
        /** @type {BootsPage} */
        const any = await get("boots", { limit: 1 }, abort.signal);
        if (!any.boots.length) empty = noBoots(await address());
      }
      const known = new Map([...bad.boots, ...now.boots, ...live.told.values()].map((boot) => [boot.id, live.latest(boot)]));
      const newest = [...known.values()].sort((a, b) => (a.started < b.started ? 1 : -1));
      const those = (/** @type {string} */ state) => newest.filter((boot) => boot.state === state).slice(0, MOST);
      draw(those("failed"), those("running"), empty);
    } catch (error) {
      if (abort.signal.aborted) return;
      running.hidden = true;
      // A program without boots is no mistake, and need not be asked again.
      without = missing(error);
      failed.hidden = without;
      fill(failed, trouble(error, boots));
    }
  }

  /**
   * @param {import("../../types").Boot[]} bad
   * @param {import("../../types").Boot[]} now
   * @param {Node | null} empty
   */
  function draw(bad, now, empty) {
    running.hidden = empty !== null;
    failed.classList.toggle("all", empty !== null);
    if (empty) {
      fill(failed, empty);
      return;
    }
    fill(
      failed,
      h("div.group-head", {}, h("h2", {}, "Boots that failed"), h("a", { href: link("boots", { state: "failed" }) }, "All failed boots")),
      bad.length ? shortList(bad) : h("p.note", {}, "None failed, as far back as boots are kept."),
    );
    fill(
      running,
      h("div.group-head", {}, h("h2", {}, "Booting now"), h("a", { href: link("boots", { state: "running" }) }, "All that run")),
      now.length ? shortList(now) : h("p.note", {}, "No machine boots at the moment."),
    );
  }

  async function address() {
    /** @type {import("../../types").Status} */
    const status = await get("status", {}, abort.signal);
    return status.listen.join(", ");
  }

  async function ills() {
    /** @type {import("../../types").Status | null} */
    const status = await get("status", {}, abort.signal).catch(() => null);
    const said = [...(status?.problems ?? [])];
    if (status && !status.ready) said.unshift("The server finishes what runs and takes no new requests.");
    fill(problems, said.length > 0 && h("ul.problems", {}, said.map((text) => h("li", {}, text))));
  }

  const offs = [live.on("stats", figures), live.on("boots", paced(1000, boots))];
  const timer = setInterval(() => !document.hidden && void ills(), 10_000);
  figures();
  void boots();
  void ills();
  return {
    title: "Overview",
    element: h(
      "section.view",
      {},
      heading("Overview"),
      problems,
      h("div.tiles", {}, Object.values(tiles).map(({ element }) => element)),
      h("div.panels", {}, failed, running),
      h("div.charts", {}, Object.values(charts).map(({ element }) => element)),
      reasons,
    ),
    close: () => {
      for (const off of offs) off();
      clearInterval(timer);
      for (const chart of Object.values(charts)) chart.close();
      abort.abort();
    },
  };
}

/**
 * @param {string} name
 * @param {string} [href]
 */
function tile(name, href) {
  const value = h("span.tile-value", {}, "–");
  const label = h("span.tile-name", {}, name);
  const element = href ? h("a.tile", { href }, label, value) : h("div.tile", {}, label, value);
  return { element, value };
}
