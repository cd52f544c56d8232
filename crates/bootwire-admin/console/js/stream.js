// Server-sent events, read with `fetch`: unlike `EventSource`, it says why a connection failed, a missing token among it,
// and it comes back soon and not at once with all others.

import { Trouble, access, ask } from "./api.js";
import { Events } from "./events.js";

/** @typedef {"connecting" | "live" | "reconnecting" | "refused"} State */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
/** The server says something every 15 s at least. */
const SILENCE = 40_000;
/** Without a line's end after so much, this is no event stream. */
const LONGEST_LINE = 8 << 20;

export class Stream extends Events {
  /** @param {string} path */
  constructor(path) {
    super();
    this.path = path;
    /** @type {State} */
    this.state = "connecting";
    this.wait = FIRST_WAIT;
    access.on("granted", () => this.#now());
    addEventListener("online", () => this.#now());
    this.wake = () => {};
    void this.#run();
  }

  #now() {
    this.wait = FIRST_WAIT;
    this.wake();
  }

  async #run() {
    for (;;) {
      const refused = await this.#connect();
      this.#become(refused ? "refused" : "reconnecting");
      // Thousands of pages shall not come back in the same instant after a restart.
      const wait = this.wait * (0.75 + Math.random() / 2);
      this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
      await new Promise((resolve) => {
        this.wake = () => resolve(undefined);
        if (!refused) setTimeout(resolve, wait);
      });
    }
  }

  /** Until the connection ends. Says whether a token is needed. */
  async #connect() {
    const abort = new AbortController();
    let heard = Date.now();
    const dead = setInterval(() => Date.now() - heard > SILENCE && abort.abort(), 5000);
    try {
      const response = await ask(this.path, { signal: abort.signal, headers: { accept: "text/event-stream" } });
      if (!response.body) return false;
      this.wait = FIRST_WAIT;
      this.tell("open");
      this.#become("live");
      const parser = new Parser((event, data) => this.#event(event, data));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return false;
        heard = Date.now();
        parser.push(value);
      }
    } catch (error) {
      return error instanceof Trouble && (error.status === 401 || error.status === 403);
    } finally {
      clearInterval(dead);
      abort.abort();
    }
  }

  /**
   * @param {string} event
   * @param {string} data
   */
  #event(event, data) {
    let detail;
    try {
      detail = JSON.parse(data);
    } catch {
      return; // An event of a newer server that is no JSON.
    }
    this.tell(event, detail);
  }

  /** @param {State} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.tell("state", state);
  }
}

/** Lines to events, as the HTML standard has it. */
export class Parser {
  /** @param {(event: string, data: string) => void} found */
  constructor(found) {
    this.found = found;
    this.rest = "";
    this.event = "";
    /** @type {string[]} */
    this.data = [];
  }

  /** @param {string} text */
  push(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    if (this.rest.length > LONGEST_LINE) throw new Error("no event stream");
    for (const line of lines) this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  /** @param {string} line */
  #line(line) {
    if (line === "") {
      if (this.data.length) this.found(this.event || "message", this.data.join("\n"));
      this.event = "";
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // A comment, to keep the connection.
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
  }
}
