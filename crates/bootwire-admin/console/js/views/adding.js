// How a machine gets into the inventory. The server does not write there, so this page gives the command that does.

import { get } from "../api.js";
import { fill, h, unique, write } from "../dom.js";

/** @typedef {import("../../types").Machine} Machine */
/** @typedef {import("../../types").Configuration} Configuration */

/** Where a configuration is looked for without being named. */
const USUAL = "/etc/bootwire/bootwire.toml";

/**
 * A word for a shell, whatever is in it.
 *
 * @param {string} text
 */
export function word(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The command that adds a machine, with its name if it gets one.
 *
 * @param {Machine} machine
 * @param {string} name
 * @param {string | undefined} config the configuration of the server
 */
export function command(machine, name, config) {
  const words = ["sudo", "bootwire", "machines", "discovered", "--add", word(machine.mac ?? machine.machine)];
  if (name.trim()) words.push("--hostname", word(name.trim()));
  if (config && config !== USUAL) words.push("--config", word(config));
  return words.join(" ");
}

/**
 * @param {Machine} machine that the inventory does not know
 * @param {AbortSignal} signal
 */
export function adding(machine, signal) {
  const title = unique("adding");
  const body = h("div.adding-body");
  void load();

  async function load() {
    /** @type {Configuration | undefined} */
    let config;
    try {
      config = /** @type {Configuration} */ (await get("config", {}, signal));
    } catch {
      // A program of its own: what it has, the command finds out.
    }
    if (!signal.aborted) draw(config);
  }

  /** @param {Configuration | undefined} config */
  function draw(config) {
    const inventory = config?.inventory;
    if (inventory && !inventory.editable) {
      fill(body, h("p", {}, "The server looks machines up in ", h("b", {}, inventory.place), ". Add it there."));
      return;
    }
    const code = h("code", { tabindex: 0, role: "textbox", "aria-readonly": true, "aria-label": "Command" });
    const said = h("span.said", { role: "status" });
    const name = h("input", {
      type: "text",
      id: unique("adding-name"),
      placeholder: "node-7",
      maxlength: 253,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      on: { input: show },
    });
    const button = h("button.primary", { type: "submit" }, "Copy the command");
    function show() {
      write(code, command(machine, name.value, config?.files[0]));
      write(said, "");
    }
    show();
    fill(
      body,
      h(
        "p",
        {},
        "The server only reads its inventory: its sandbox keeps it from writing there. Run this on the server, and the next boot finds the machine.",
      ),
      h(
        "form.adding-form",
        {
          on: {
            submit: (/** @type {SubmitEvent} */ event) => {
              event.preventDefault();
              void copy(code).then((done) => write(said, done ? "Copied" : "Select it and press Ctrl+C"));
            },
          },
        },
        h("label", { for: name.id }, "Its name, if it is to have one"),
        name,
        h("pre", {}, code),
        h("p.actions", {}, button, said),
      ),
    );
  }

  return h("section.adding", { "aria-labelledby": title }, h("h2", { id: title }, "Add it to the inventory"), body);
}

/**
 * Copies a text. Without TLS beyond this host browsers give no clipboard: then it is selected, and copied in the old way.
 *
 * @param {HTMLElement} element
 */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return document.execCommand("copy");
  }
}
