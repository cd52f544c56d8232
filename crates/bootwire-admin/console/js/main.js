// The console of a Bootwire server: see docs/how-to/seeing.md. Plain modules; what you read is what runs.

import { access } from "./api.js";
import { fill } from "./dom.js";
import { Frame } from "./frame.js";
import { Live } from "./live.js";
import { parse } from "./router.js";
import { Stream } from "./stream.js";
import { bootView } from "./views/boot.js";
import { bootsView } from "./views/boots.js";
import { cacheView } from "./views/cache.js";
import { explainView } from "./views/explain.js";
import { liveView } from "./views/live.js";
import { machineView } from "./views/machine.js";
import { machinesView } from "./views/machines.js";
import { overviewView } from "./views/overview.js";
import { searchView } from "./views/search.js";
import { serverView } from "./views/server.js";
import { transferView } from "./views/transfer.js";

/**
 * @typedef {{ element: HTMLElement, title: string, close?: () => void, moved?: (place: import("./router.js").Place) => void,
 *     resume?: () => void }} View */
/** @typedef {{ live: Live }} Console */
/** @typedef {(place: import("./router.js").Place, console: Console) => View} Open */

/** @type {{ [name: string]: Open }} */
const VIEWS = {
  "": overviewView,
  live: liveView,
  transfer: transferView,
  boots: bootsView,
  boot: bootView,
  machines: machinesView,
  machine: machineView,
  cache: cacheView,
  explain: explainView,
  server: serverView,
  search: searchView,
};
/** `#/boots/17` is one of the boots. */
const ONE = /** @type {{ [name: string]: string }} */ ({ live: "transfer", boots: "boot", machines: "machine" });

const live = new Live(new Stream("events?topics=transfers,boots,stats"));
const frame = new Frame(live);
document.body.append(frame.element);

/** @type {View | undefined} */
let view;
let shown = "";
/** The list that somebody left to look at one of its rows, and will come back to. @type {{ key: string, view: View } | undefined} */
let left;

function show() {
  const place = parse(location.hash);
  const one = place.rest[0] ? ONE[place.name] : undefined;
  const key = JSON.stringify([place.name, place.rest]);
  frame.here(place.name);
  if (view?.moved && key === shown) {
    view.moved(place);
    return;
  }
  const first = shown === "";
  if (view?.resume && one) {
    left?.view.close?.();
    left = { key: shown, view };
  } else {
    view?.close?.();
  }
  shown = key;
  const back = left?.key === key ? left.view : undefined;
  if (back || !one) {
    if (!back) left?.view.close?.();
    left = undefined;
  }
  view = back ?? (VIEWS[one ?? place.name] ?? overviewView)(place, { live });
  document.title = `${view.title} – Bootwire`;
  fill(frame.main, view.element);
  frame.main.scrollTop = 0;
  if (back) {
    back.resume?.();
    if (frame.main.contains(document.activeElement)) return;
  }
  // Who cannot see that the page changed is told by the focus. Not somebody who types in the search box.
  if (!first && !frame.typing()) frame.main.querySelector("h1")?.focus({ preventScroll: true });
}

addEventListener("hashchange", show);
access.on("granted", () => {
  // What could not be asked for can be now.
  shown = " ";
  left?.view.close?.();
  left = undefined;
  show();
});
show();
