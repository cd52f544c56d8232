// What would this machine get, and why? The server answers as `bootwire explain` does.

import { get, part, post } from "../api.js";
import { fill, h } from "../dom.js";
import { heading, host, trouble } from "../parts.js";
import { link } from "../router.js";

/** @type {import("../main.js").Open} */
export function explainView(place) {
  const given = (/** @type {string} */ key) => place.query.get(key) ?? "";
  const request = field("request", "Path", given("request"), "/grub/grub.cfg-01-52-54-00-12-34-56", true);
  const from = field("from", "Machine or address", given("from"), "node-7 or 10.0.0.7");
  const options = field("options", "Options it sends", given("options"), "tsize=0 blksize=1468");
  const write = h("input", { type: "checkbox", checked: given("op") === "write" });
  const run = h("input", { type: "checkbox", "aria-describedby": "run-help" });
  const answer = h("div.answer", { role: "status" });
  const button = h("button.primary", { type: "submit" }, "Explain");
  let asked = 0;

  async function ask() {
    const turn = ++asked;
    button.disabled = true;
    history.replaceState(
      null,
      "",
      link("explain", {
        request: request.input.value,
        from: from.input.value,
        options: options.input.value,
        op: write.checked ? "write" : "",
      }),
    );
    try {
      const path = request.input.value.trim();
      const address = await whom(from.input.value.trim());
      /** @type {import("../../types").Explained} */
      const explained = await post("explain", {
        request: write.checked ? `PUT ${path}` : path,
        ...(address ? { from: address } : {}),
        options: pairs(options.input.value),
        run: run.checked,
      });
      if (turn === asked) fill(answer, told(explained));
    } catch (error) {
      if (turn === asked) fill(answer, trouble(error));
    }
    button.disabled = false;
  }

  if (given("request")) void ask();
  return {
    title: "Explain",
    element: h(
      "section.view",
      {},
      heading("Explain"),
      h("p.lead", {}, "What would this machine get, by which route, and why? Nothing is sent to it."),
      h(
        "form.explain",
        {
          on: {
            submit: (/** @type {Event} */ event) => {
              event.preventDefault();
              void ask();
            },
          },
        },
        request.element,
        from.element,
        options.element,
        h(
          "div.checks",
          {},
          h("label.check", {}, write, "It uploads"),
          h("label.check", {}, run, "Ask hooks and origins for real"),
          h("span.unseen", { id: "run-help" }, "Programs run, services get requests."),
          button,
        ),
      ),
      answer,
    ),
  };
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string} value
 * @param {string} example
 * @param {boolean} [required]
 */
function field(name, label, value, example, required = false) {
  const input = h("input", {
    type: "text",
    id: `explain-${name}`,
    value,
    placeholder: example,
    required,
    maxlength: 1024,
    autocapitalize: "off",
    autocomplete: "off",
    spellcheck: "false",
  });
  return { input, element: h("div.field", { class: `field ${name}` }, h("label", { for: input.id }, label), input) };
}

/**
 * The address of a machine that is named; an address as it is.
 *
 * @param {string} text
 * @returns {Promise<string>}
 */
async function whom(text) {
  if (!text || /^[\d.]+$/.test(text) || (text.includes(":") && /^[\da-f:.]+$/i.test(text) && !MAC.test(text))) return text;
  /** @type {import("../../types").MachineDetail} */
  const found = await get(`machines/${part(text)}`);
  const peer = found.machine.peer;
  if (!peer) throw new Error(`the server does not know the address of ${text}`);
  return host(peer);
}

const MAC = /^([\da-f]{2}[:-]){5}[\da-f]{2}$/i;

/**
 * `tsize=0 blksize=1468`.
 *
 * @param {string} text
 */
function pairs(text) {
  /** @type {{ [name: string]: string }} */
  const options = {};
  for (const word of text.split(/[\s,]+/).filter(Boolean)) {
    const [name = "", value = ""] = word.split("=", 2);
    options[name] = value;
  }
  return options;
}

/**
 * The answer, and in a line what it comes to.
 *
 * @param {import("../../types").Explained} explained
 */
function told({ text, account }) {
  const { served, outcome } = /** @type {{ served?: boolean, outcome?: { [kind: string]: any } }} */ (account ?? {});
  const refused = outcome?.["refused"];
  let headline = "";
  if (served === false) headline = "It gets no answer: its address is in no network of allow.";
  else if (refused) headline = `It gets ERROR ${refused.code}: ${refused.text}`;
  else if (outcome?.["upload"]) headline = "It may upload.";
  else if (outcome?.["content"]) headline = "It gets the file.";
  const well = headline !== "" && served !== false && !refused;
  return [
    headline && h("p", { class: `headline ${well ? "complete" : "failed"}` }, headline),
    h("pre.words", { tabindex: 0 }, text.trimEnd()),
  ].filter((element) => element instanceof Node);
}
