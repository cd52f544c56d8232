// A list that the server has, fetched page by page as somebody scrolls down. A bounded number of pages is kept; those
// above are fetched again when somebody comes back to them.

const SIZE = 100;
const KEEP = 30;

/** @template T */
export class Pages {
  /**
   * @param {(after: string | undefined, limit: number, signal: AbortSignal) => Promise<{ items: T[], next?: string | undefined }>} fetch
   * @param {{ changed: () => void, failed: (error: unknown) => void }} options `changed` is called when something came
   */
  constructor(fetch, { changed, failed }) {
    this.fetch = fetch;
    this.changed = changed;
    this.failed = failed;
    this.abort = new AbortController();
    /** Where each page begins. @type {(string | undefined)[]} */
    this.starts = [undefined];
    /** Pages in the order of their last use. @type {Map<number, T[]>} */
    this.pages = new Map();
    /** @type {Set<number>} */
    this.asked = new Set();
    /** How many there are, as far as that is known. */
    this.known = 0;
    this.complete = false;
    /** Whether the first page came: an empty list is not the same as one that nobody knows yet. */
    this.begun = false;
  }

  #clear() {
    this.starts = [undefined];
    this.pages.clear();
    this.asked.clear();
    this.known = 0;
    this.complete = false;
    this.begun = false;
  }

  /** Forgets everything and begins anew: another question. */
  restart() {
    this.abort.abort();
    this.abort = new AbortController();
    this.#clear();
    this.changed();
    void this.#want(0);
  }

  /** Asks for the first page again; what is there is shown until it comes. */
  async renew() {
    const { abort } = this;
    try {
      const page = await this.fetch(undefined, SIZE, abort.signal);
      if (abort.signal.aborted) return;
      this.abort.abort();
      this.abort = new AbortController();
      this.#clear();
      this.#keep(0, page);
    } catch (error) {
      if (!abort.signal.aborted) this.failed(error);
    }
  }

  close() {
    this.abort.abort();
  }

  /** One more than is known, if there is more: who looks at that one has it fetched. */
  count() {
    return this.known + (this.complete || !this.begun ? 0 : 1);
  }

  /** For `aria-rowcount`. */
  total() {
    return this.complete ? this.known : -1;
  }

  /**
   * @param {number} index
   * @returns {T | undefined}
   */
  get(index) {
    const number = Math.floor(index / SIZE);
    const page = this.pages.get(number);
    if (!page) {
      void this.#want(number);
      return undefined;
    }
    this.pages.delete(number);
    this.pages.set(number, page);
    return page[index % SIZE];
  }

  /** What is here now. */
  *here() {
    for (const page of this.pages.values()) yield* page;
  }

  /** @param {number} number */
  async #want(number) {
    if (this.asked.has(number) || number >= this.starts.length) return;
    const { abort } = this;
    this.asked.add(number);
    try {
      const page = await this.fetch(this.starts[number], SIZE, abort.signal);
      if (!abort.signal.aborted) this.#keep(number, page);
    } catch (error) {
      // It is not asked for again by itself: a server that fails shall not be hammered.
      if (!abort.signal.aborted) this.failed(error);
      return;
    }
    if (!abort.signal.aborted) this.asked.delete(number);
  }

  /**
   * @param {number} number
   * @param {{ items: T[], next?: string | undefined }} page
   */
  #keep(number, { items, next }) {
    this.begun = true;
    this.pages.set(number, items);
    if (number === this.starts.length - 1) {
      this.known = number * SIZE + items.length;
      // A page that is not full is the last one, or indexes would not fit.
      this.complete = !next || items.length < SIZE;
      if (!this.complete) this.starts.push(next);
    }
    for (const oldest of this.pages.keys()) {
      if (this.pages.size <= KEEP) break;
      if (oldest !== number) this.pages.delete(oldest);
    }
    this.changed();
  }
}
