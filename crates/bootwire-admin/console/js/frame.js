// What stands around every view: navigation, search, the connection, lost records.

import { access, enter } from "./api.js";
import { attribute, fill, h, settle, write } from "./dom.js";
import { count, plural } from "./format.js";
import { icon } from "./icons.js";
import { lost } from "./live.js";
import { link, parse } from "./router.js";
import { themeButton } from "./switch.js";

/** @typedef {import("./live.js").Live} Live */

const PLACES = [
  ["", "Overview", "overview"],
  ["live", "Live", "live"],
  ["boots", "Boots", "boots"],
  ["machines", "Machines", "machines"],
  ["cache", "Cache", "cache"],
  ["explain", "Explain", "explain"],
  ["server", "Server", "server"],
];

/** @type {{ [state in import("./stream.js").State]: string }} */
const STATES = {
  connecting: "connecting …",
  live: "live",
  reconnecting: "reconnecting …",
  refused: "needs a token",
};

export class Frame {
  /** @param {Live} live */
  constructor(live) {
    this.live = live;
    this.main = h("main", { id: "main", tabindex: -1 });
    this.links = new Map(
      PLACES.map(([place = "", name = "", shape = ""]) => [
        place,
        h("a", { href: link(place), "data-place": place }, icon(shape), h("span", {}, name)),
      ]),
    );
    this.open = h("span.count", { "aria-hidden": "true" });
    this.links.get("live")?.append(this.open);
    this.state = h("span.state", { role: "status" });
    this.version = h("span.version");
    this.notice = h("div.notices", { role: "status" });
    this.search = this.#search();
    this.dialog = this.#dialog();
    this.element = h(
      "div.frame",
      {},
      h("a.skip", { href: "#main", on: { click: (/** @type {Event} */ event) => this.#skip(event) } }, "Skip to the content"),
      h(
        "header",
        {},
        h("a.brand", { href: link(""), "aria-label": "Bootwire, overview" }, mark(), h("span", {}, "Bootwire")),
        this.search,
        this.state,
        themeButton(),
      ),
      h("nav", { "aria-label": "Views" }, [...this.links.values()], this.version),
      h("div.stage", {}, this.notice, this.main),
      this.dialog,
    );
    live.on("state", (state) => this.#state(state));
    live.on("hello", ({ restarted }) => {
      write(this.version, live.version ? `Bootwire ${live.version}` : "");
      if (restarted) this.#told();
    });
    live.on("stats", () => this.#told());
    live.on("transfers", () => this.#open());
    access.on("refused", () => this.#ask());
    this.#state(live.stream.state);
    addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {string} name */
  here(name) {
    const place = this.links.has(name) ? name : "";
    for (const [key, anchor] of this.links) {
      attribute(anchor, "aria-current", key === place && name !== "search" ? "page" : null);
    }
    const input = this.#input();
    if (name !== "search" && document.activeElement !== input) input.value = "";
    else if (name === "search" && document.activeElement !== input) input.value = parse(location.hash).query.get("q") ?? "";
  }

  typing() {
    return document.activeElement === this.#input();
  }

  #input() {
    return /** @type {HTMLInputElement} */ (this.search.querySelector("input"));
  }

  #search() {
    const go = () => {
      const q = this.#input().value.trim();
      const target = link("search", { q });
      // Typing on is one step of the history, not one for each letter.
      if (parse(location.hash).name === "search") {
        history.replaceState(null, "", target);
        dispatchEvent(new HashChangeEvent("hashchange"));
      } else if (q) {
        location.hash = target;
      }
    };
    const soon = settle(180, go);
    return h(
      "form.search",
      {
        role: "search",
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            go();
          },
        },
      },
      icon("search"),
      h("input", {
        type: "search",
        name: "q",
        "aria-label": "Search machines, addresses and paths",
        placeholder: "Machine, address or path",
        maxlength: 256,
        autocomplete: "off",
        autocapitalize: "off",
        spellcheck: "false",
        on: { input: () => soon() },
      }),
      h("kbd", { "aria-hidden": "true" }, "/"),
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    if (at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement) return;
    event.preventDefault();
    this.#input().focus();
    this.#input().select();
  }

  /** @param {Event} event */
  #skip(event) {
    event.preventDefault(); // The address says which view it is, not where on the page.
    this.main.focus();
  }

  /** @param {import("./stream.js").State} state */
  #state(state) {
    this.element.dataset["state"] = state;
    fill(this.state, h("span.dot", { "aria-hidden": "true" }), h("span", {}, STATES[state]));
  }

  #open() {
    write(this.open, this.live.total ? count(this.live.total) : "");
  }

  /** What was lost on the way to those who listen to the server, on every view: silence would look like success. */
  #told() {
    const losers = lost(this.live.stats?.exporters);
    const key = JSON.stringify(losers);
    if (this.notice.dataset["key"] === key) return;
    this.notice.dataset["key"] = key;
    fill(
      this.notice,
      losers.length > 0 &&
        h(
          "p.notice",
          {},
          icon("warning"),
          h(
            "span",
            {},
            losers
              .map(({ name, dropped, failed }) => `${name} lost ${plural(dropped + failed, "record")}`)
              .join(", "),
            " since the server started. ",
            h("a", { href: link("server") }, "See why"),
          ),
        ),
    );
  }

  #dialog() {
    const input = h("input", {
      type: "password",
      id: "token",
      autocomplete: "current-password",
      required: true,
      "aria-describedby": "token-help",
    });
    const said = h("p.said", { role: "alert" });
    const dialog = h(
      "dialog",
      { "aria-labelledby": "token-title" },
      h(
        "form",
        {
          method: "dialog",
          on: {
            submit: async (/** @type {Event} */ event) => {
              event.preventDefault();
              try {
                await enter(input.value);
                input.value = "";
                write(said, "");
                dialog.close();
              } catch (error) {
                write(said, error instanceof Error ? error.message : String(error));
                input.select();
              }
            },
          },
        },
        h("h2", { id: "token-title" }, "This console needs the token"),
        h("p", { id: "token-help" }, "It is in the file that ", h("code", {}, "admin.token_file"), " of the server's configuration names."),
        // For the browser's store of passwords, which wants to know whose it is.
        h("input", { type: "text", name: "username", autocomplete: "username", value: "bootwire", hidden: true }),
        h("label", { for: "token" }, "Token"),
        input,
        said,
        h("div.buttons", {}, h("button.primary", { type: "submit" }, "Open the console")),
      ),
    );
    return dialog;
  }

  #ask() {
    if (!this.dialog.open) this.dialog.showModal();
  }
}

function mark() {
  const shape = icon("boots");
  shape.classList.add("mark");
  return shape;
}
