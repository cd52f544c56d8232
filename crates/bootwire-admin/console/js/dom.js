// Elements. Text from clients (names, paths) only ever becomes a text node or an attribute's value: nothing here, and
// nothing on this page, reads HTML. The server's Content-Security-Policy (trusted types) makes the browser hold us to it.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {{ [name: string]: unknown, on?: { [event: string]: (event: any) => void } }} Props */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element: `h("p.quiet", { title: "…" }, "text", h("b", {}, name))`.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K | `${K}.${string}`} name tag, and classes after dots
 * @param {Props} [props] attributes; `on` has the listeners. What is false, null or undefined is left out.
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, props = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(String(tag));
  if (classes.length) element.className = classes.join(" ");
  return /** @type {any} */ (dress(element, props, children));
}

/**
 * An SVG element.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, props = {}, ...children) {
  return /** @type {any} */ (dress(document.createElementNS(SVG, tag), props, children));
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Props} props
 * @param {(Child | Child[])[]} children
 */
function dress(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(props.on ?? {})) element.addEventListener(event, listener);
    } else {
      attribute(element, name, value);
    }
  }
  element.append(...nodes(children));
  return element;
}

/**
 * Sets an attribute, or removes it if the value is false, null or undefined.
 *
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 */
export function attribute(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
}

/**
 * Replaces everything in an element.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * Sets a text, if it is another: a text that stays costs no layout.
 *
 * @param {Node} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  /** @type {(Node | string)[]} */
  const out = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    out.push(child instanceof Node ? child : String(child));
  }
  return out;
}

/**
 * A number that no other element's id has.
 *
 * @param {string} prefix
 */
export function unique(prefix) {
  return `${prefix}-${++last}`;
}
let last = 0;

/**
 * Calls `work` soon after the first call, and at most each `wait` ms, however often it is asked for.
 *
 * @param {number} wait
 * @param {() => void} work
 * @returns {() => void}
 */
export function paced(wait, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      work();
    }, wait);
  };
}

/**
 * Calls `work` once the caller has been quiet for `wait` ms: for who types.
 *
 * @template {unknown[]} A
 * @param {number} wait
 * @param {(...args: A) => void} work
 * @returns {(...args: A) => void}
 */
export function settle(wait, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...args), wait);
  };
}
