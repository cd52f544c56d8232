// A list of any length: only the rows on the screen are in the page.
//
// It is a grid for assistive technology: `aria-rowcount` says how long it is, each row which one it is, and the arrow
// keys move a marked row (`aria-activedescendant`) that need not have been in the page before. Rows stand in the
// document in their order.

import { attribute, fill, h, unique } from "./dom.js";

/**
 * @template T
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {string} width as in `grid-template-columns`
 * @property {boolean} [numeric] aligned to the right
 * @property {boolean} [sorts] the head is a button
 * @property {"main" | "side" | "under" | "corner"} [narrow] where it stands on a narrow screen; else it is not there
 * @property {(cell: HTMLElement, item: T) => void} show writes an item into a cell, which may hold another one
 */

/**
 * @template T
 * @typedef {object} Options
 * @property {string} label what is listed
 * @property {Column<T>[]} columns
 * @property {() => number} count how many rows there are
 * @property {() => number} [total] how many there are in all; -1 if nobody knows
 * @property {() => boolean} [waiting] nothing is known yet: no rows does not mean that there are none
 * @property {(index: number) => T | undefined} get undefined while it is being loaded
 * @property {(item: T) => string} [href] where a row leads
 * @property {(item: T) => string} [tone] a class for the row
 * @property {() => Node} empty what to say when there is nothing
 * @property {{ key: string, down: boolean }} [sort]
 * @property {(sort: { key: string, down: boolean }) => void} [sorted]
 * @property {(held: boolean) => void} [held] somebody points at a row: it had better stay where it is
 */

/**
 * @template T
 * @typedef {{ element: HTMLElement, cells: HTMLElement[], index: number }} Row
 */

const NARROW = matchMedia("(max-width: 720px)");
const WIDE_ROW = 34;
const NARROW_ROW = 60;
const MORE = 4;

/** @template T */
export class List {
  /** @param {Options<T>} options */
  constructor(options) {
    this.options = options;
    this.id = unique("list");
    this.marked = -1;
    this.top = 0;
    this.scheduled = 0;
    /** @type {Map<number, Row<T>>} */
    this.rows = new Map();
    this.sort = options.sort;
    this.body = h("div.rows", { role: "rowgroup" });
    this.empty = h("div.empty");
    this.head = h("div.head", { role: "rowgroup" }, this.#head());
    this.grid = h(
      "div.grid",
      {
        role: "grid",
        tabindex: 0,
        "aria-label": options.label,
        "aria-colcount": options.columns.length,
        on: {
          scroll: () => {
            this.top = this.grid.scrollTop;
            this.refresh();
          },
          keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
          click: (/** @type {MouseEvent} */ event) => this.#click(event),
          pointerenter: (/** @type {PointerEvent} */ event) => event.pointerType === "mouse" && options.held?.(true),
          pointerleave: () => options.held?.(false),
          focus: () => options.held?.(this.marked >= 0),
          blur: () => options.held?.(false),
        },
      },
      this.head,
      this.body,
    );
    this.grid.style.setProperty("--columns", options.columns.map((column) => column.width).join(" "));
    this.element = h("div.list", {}, this.grid, this.empty);
    this.watch = new ResizeObserver(() => this.refresh());
    this.watch.observe(this.grid);
  }

  /** Looks at everything again, once, before the next frame. */
  refresh() {
    if (!this.scheduled) {
      this.scheduled = requestAnimationFrame(() => {
        this.scheduled = 0;
        this.#draw();
      });
    }
  }

  /** From the top: it is another list now. */
  restart() {
    this.grid.scrollTop = 0;
    this.#mark(-1);
    this.refresh();
  }

  /** Back in the page: as it was left. */
  resume() {
    this.grid.scrollTop = this.top;
    if (this.marked >= 0) this.grid.focus({ preventScroll: true });
    this.refresh();
  }

  /** Whether somebody looks at its beginning: what is new may show. */
  atTop() {
    return this.grid.isConnected && this.grid.scrollTop < WIDE_ROW;
  }

  close() {
    this.watch.disconnect();
    cancelAnimationFrame(this.scheduled);
  }

  #draw() {
    if (!this.element.isConnected) return;
    const { options } = this;
    const count = options.count();
    const row = NARROW.matches ? NARROW_ROW : WIDE_ROW;
    const total = options.total?.() ?? count;
    attribute(this.grid, "aria-rowcount", total < 0 ? -1 : total + 1);
    const nothing = count === 0 && !options.waiting?.();
    this.grid.hidden = nothing;
    this.empty.hidden = !nothing;
    if (nothing) {
      if (!this.empty.firstChild) fill(this.empty, options.empty());
    } else if (this.empty.firstChild) {
      fill(this.empty);
    }
    const height = `${count * row}px`;
    if (this.body.style.height !== height) this.body.style.height = height;

    const top = this.grid.scrollTop;
    const shown = this.grid.clientHeight || innerHeight;
    const first = Math.max(0, Math.floor(top / row) - MORE);
    const last = Math.min(count, Math.ceil((top + shown) / row) + MORE);
    this.#place(first, last, row);
  }

  /**
   * @param {number} first
   * @param {number} last
   * @param {number} height
   */
  #place(first, last, height) {
    /** @type {Row<T>[]} */
    const free = [];
    for (const [index, row] of this.rows) {
      if (index >= first && index < last) continue;
      this.rows.delete(index);
      row.element.remove();
      free.push(row);
    }
    /** @type {ChildNode | null} */
    let next = this.body.firstChild;
    for (let index = first; index < last; index += 1) {
      let row = this.rows.get(index);
      if (!row) {
        row = free.pop() ?? this.#row();
        row.index = index;
        this.rows.set(index, row);
        this.body.insertBefore(row.element, next);
      } else {
        next = row.element.nextSibling;
      }
      this.#show(row, height);
    }
  }

  /**
   * @param {Row<T>} row
   * @param {number} height
   */
  #show(row, height) {
    const { element, cells, index } = row;
    const { options } = this;
    const item = options.get(index);
    element.id = `${this.id}-${index}`;
    attribute(element, "aria-rowindex", index + 2);
    attribute(element, "aria-selected", index === this.marked);
    attribute(element, "aria-busy", item === undefined);
    element.style.transform = `translateY(${index * height}px)`;
    const tone = `row ${item === undefined ? "loading" : (options.tone?.(item) ?? "")}${index % 2 ? " odd" : ""}`;
    if (element.className !== tone) element.className = tone;
    for (const [at, column] of options.columns.entries()) {
      const cell = /** @type {HTMLElement} */ (cells[at]);
      if (item === undefined) fill(cell);
      else column.show(cell, item);
    }
  }

  /** @returns {Row<T>} */
  #row() {
    const cells = this.options.columns.map((column) =>
      h("div", { role: "gridcell", class: names(column) }),
    );
    return { element: h("div.row", { role: "row" }, cells), cells, index: -1 };
  }

  #head() {
    return h(
      "div.row",
      { role: "row", "aria-rowindex": 1 },
      this.options.columns.map((column) => {
        const sorts = column.sorts && this.options.sorted;
        const button = () =>
          h("button.sort", { type: "button", on: { click: () => this.#sortBy(column.key) } }, column.label);
        return h(
          "div",
          { role: "columnheader", class: names(column), "aria-sort": sorts ? this.#order(column.key) : null },
          sorts ? button() : column.label,
        );
      }),
    );
  }

  /** @param {string} key */
  #order(key) {
    if (this.sort?.key !== key) return "none";
    return this.sort.down ? "descending" : "ascending";
  }

  /** @param {string} key */
  #sortBy(key) {
    this.sort = { key, down: this.sort?.key === key ? !this.sort.down : true };
    for (const [at, head] of [...(this.head.firstElementChild?.children ?? [])].entries()) {
      const column = this.options.columns[at];
      if (column?.sorts) attribute(head, "aria-sort", this.#order(column.key));
    }
    this.options.sorted?.(this.sort);
    this.restart();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.target !== this.grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const count = this.options.count();
    const page = Math.max(1, Math.floor(this.grid.clientHeight / this.#height()) - 2);
    const moves = /** @type {{ [key: string]: number }} */ ({
      ArrowDown: this.marked + 1,
      ArrowUp: this.marked - 1,
      PageDown: this.marked + page,
      PageUp: this.marked - page,
      Home: 0,
      End: count - 1,
    });
    const to = moves[event.key];
    if (to !== undefined && count > 0) {
      event.preventDefault();
      this.#mark(Math.min(count - 1, Math.max(0, to)));
    } else if (event.key === "Enter" && this.marked >= 0) {
      this.#open(this.marked);
    } else if (event.key === "Escape") {
      this.#mark(-1);
    }
  }

  #height() {
    return NARROW.matches ? NARROW_ROW : WIDE_ROW;
  }

  /** @param {number} index */
  #mark(index) {
    if (this.marked === index) return;
    this.marked = index;
    this.options.held?.(index >= 0);
    if (index >= 0) {
      const height = this.#height();
      const head = this.head.offsetHeight;
      const top = index * height;
      const room = this.grid.clientHeight - head;
      if (top < this.grid.scrollTop) this.grid.scrollTop = top;
      else if (top + height > this.grid.scrollTop + room) this.grid.scrollTop = top + height - room;
      this.#draw();
    } else {
      this.refresh();
    }
    attribute(this.grid, "aria-activedescendant", index >= 0 ? `${this.id}-${index}` : null);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    if (!(event.target instanceof Element) || event.target.closest("a, button")) return;
    const row = event.target.closest(".rows > .row");
    const index = Number(row?.getAttribute("aria-rowindex")) - 2;
    if (row && !getSelection()?.toString()) this.#open(index);
  }

  /** @param {number} index */
  #open(index) {
    const item = this.options.get(index);
    const href = item && this.options.href?.(item);
    if (href) location.hash = href;
  }
}

/**
 * @param {Column<any>} column
 */
function names(column) {
  return `cell c-${column.key}${column.numeric ? " number" : ""}${column.narrow ? ` n-${column.narrow}` : " n-none"}`;
}
