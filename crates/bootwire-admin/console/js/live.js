// What happens on the server now: transfers, counters, drops. It comes as changes; this keeps what they add up to.

import { get } from "./api.js";
import { paced } from "./dom.js";
import { Events } from "./events.js";

/** @typedef {import("../types").Sample} Sample */
/** @typedef {import("../types").StatsEvent} Stats */
/** @typedef {import("../types").Transfer & { ended: boolean }} Transfer */

/** The charts show ten minutes. */
export const SPAN = 600_000;
/** Boots of which the latest news are kept. */
const TOLD = 1000;

/**
 * Tells `state`, `hello`, `transfers`, `stats`, and `boots`: those that began, got on or ended lately, by their id. With
 * none named, somebody who shows boots had better ask again.
 */
export class Live extends Events {
  /** @param {import("./stream.js").Stream} stream */
  constructor(stream) {
    super();
    /** @type {Map<number, Transfer>} */
    this.transfers = new Map();
    /** Transfers on the server; more than are known here, while their list is on its way. */
    this.total = 0;
    /** @type {Sample[]} */
    this.samples = [];
    /** @type {Stats | null} */
    this.stats = null;
    /** @type {string | null} */
    this.instance = null;
    this.version = "";
    this.stream = stream;
    stream.on("state", (state) => this.tell("state", state));
    stream.on("hello", (hello) => this.#hello(hello));
    stream.on("transfers", (change) => this.#transfers(change));
    stream.on("stats", (stats) => this.#stats(stats));
    /** @type {Map<string, import("../types").Boot>} */
    this.boots = new Map();
    // A fleet that boots at once tells more than anybody can read.
    const tellBoots = paced(250, () => {
      const { boots } = this;
      this.boots = new Map();
      this.tell("boots", boots);
    });
    /** What was told of boots lately. @type {Map<string, import("../types").Boot>} */
    this.told = new Map();
    stream.on("boot", (boot) => {
      this.boots.set(boot.id, boot);
      this.told.delete(boot.id);
      this.told.set(boot.id, boot);
      for (const oldest of this.told.keys()) {
        if (this.told.size <= TOLD) break;
        this.told.delete(oldest);
      }
      tellBoots();
    });
    stream.on("lag", () => this.tell("boots", new Map()));
  }

  /**
   * A boot from a list, or what was told of it while the list was on its way.
   *
   * @param {import("../types").Boot} boot
   * @returns {import("../types").Boot}
   */
  latest(boot) {
    const told = this.told.get(boot.id);
    return told && boot.state === "running" && told.last >= boot.last ? told : boot;
  }

  /** @param {import("../types").HelloEvent} hello */
  #hello({ instance, version }) {
    const restarted = this.instance !== null && this.instance !== instance;
    this.instance = instance;
    this.version = version;
    // Whatever ended while nobody listened must not stay.
    this.#forget();
    void this.#past();
    this.tell("hello", { restarted });
    this.tell("boots", new Map());
  }

  /** The minutes before this page was opened, or could not hear. */
  async #past() {
    /** @type {import("../types").History | null} */
    const history = await get("history").catch(() => null);
    if (!history) return;
    const first = Date.parse(history.samples.at(-1)?.time ?? "");
    const since = this.samples.filter((sample) => Date.parse(sample.time) > first);
    this.samples = [...history.samples, ...since];
    this.#trim();
    this.tell("stats", this.stats);
  }

  #trim() {
    const from = Date.parse(this.samples.at(-1)?.time ?? "") - SPAN;
    const first = this.samples.findIndex((sample) => Date.parse(sample.time) >= from);
    if (first > 0) this.samples.splice(0, first);
  }

  #forget() {
    for (const transfer of this.transfers.values()) transfer.ended = true;
    this.transfers.clear();
    this.total = 0;
    this.tell("transfers");
  }

  /** @param {import("../types").TransfersEvent} change */
  #transfers(change) {
    if (change.reset) this.#forget();
    this.total = change.total;
    for (const transfer of change.began) {
      const known = this.transfers.get(transfer.id);
      // Whoever shows a transfer keeps the object: it stays the same one.
      if (known) Object.assign(known, transfer);
      else this.transfers.set(transfer.id, { ...transfer, ended: false });
    }
    for (const progress of change.progress) {
      const transfer = this.transfers.get(progress.id);
      if (!transfer) continue;
      if (progress.idle_us === undefined) transfer.idle_us = 0;
      Object.assign(transfer, progress);
    }
    for (const id of change.ended) {
      const transfer = this.transfers.get(id);
      if (transfer) transfer.ended = true;
      this.transfers.delete(id);
    }
    this.tell("transfers");
  }

  /** @param {Stats} stats */
  #stats(stats) {
    this.stats = stats;
    this.samples.push(stats.sample);
    this.#trim();
    this.tell("stats", stats);
  }
}

/**
 * The share of packets that were sent again.
 *
 * @param {Sample} sample
 */
export function loss({ packets_out, blocks_resent }) {
  return packets_out > 0 ? Math.min(1, blocks_resent / packets_out) : 0;
}

/**
 * Records that did not reach where they should.
 *
 * @param {import("../types").Exporter[] | undefined} exporters
 */
export function lost(exporters = []) {
  return exporters.filter((exporter) => exporter.dropped + exporter.failed > 0);
}
