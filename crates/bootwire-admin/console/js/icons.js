// Icons: strokes on a grid of 16, in the colour of the text.

import { svg } from "./dom.js";

/** @type {{ [name: string]: string }} */
const SHAPES = {
  overview: "M2.5 9.5h4v4h-4zM9.5 2.5h4v11h-4zM2.5 2.5h4v4h-4z",
  live: "M1.5 8.5h3l2-5.5 3 10 2-4.5h3",
  boots: "M2.5 3.5h6M2.5 8h11M5.5 12.5h8",
  machines: "M2.5 2.5h11v4.5h-11zM2.5 9h11v4.5h-11zM5 4.75h.01M5 11.25h.01",
  cache: "M2.5 4c0-2 11-2 11 0s-11 2-11 0v8c0 2 11 2 11 0V4M2.5 8c0 2 11 2 11 0",
  explain: "M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M8 12.5h.01",
  server: "M8 5.5a2.5 2.5 0 1 0 .01 0M8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M3.4 12.6l1.4-1.4M11.2 4.8l1.4-1.4",
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0M10.5 10.5l3 3",
  light: "M8 5.2a2.8 2.8 0 1 0 .01 0M8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1",
  dark: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z",
  system: "M1.5 2.5h13v8.5h-13zM5.5 13.5h5",
  failed: "M4 4l8 8M12 4l-8 8",
  complete: "M3 8.5l3.5 3.5L13 4.5",
  running: "M8 2a6 6 0 1 0 .01 0M8 5v3l2 1.5",
  unknown: "M4 8h8",
  warning: "M8 2l6.5 11.5h-13zM8 6.5v3M8 11.5h.01",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
};

/**
 * @param {string} name
 */
export function icon(name) {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", focusable: "false" },
    svg("path", { d: SHAPES[name] ?? "" }),
  );
}
