// Pictures of every view, wide and narrow, light and dark: to be looked at, and for the documentation.
//
//   bootwire demo & node tests/shots.mjs DIRECTORY --at http://127.0.0.1:9468/ [VIEW...]     what a server shows
//   node tests/shots.mjs DIRECTORY [VIEW...]                                                the mock server: large, empty
//
// Names are VIEW-wide-light.png and so on.

import { mkdirSync } from "node:fs";
import { NARROW, WIDE, launch } from "./browser.mjs";
import { start } from "./mock.mjs";

const words = process.argv.slice(2);
const flag = words.indexOf("--at");
const at = flag < 0 ? undefined : words.splice(flag, 2)[1];
const [directory = "shots", ...only] = words;
mkdirSync(directory, { recursive: true });

/** Views of the mock server, and of one that has nothing. */
async function mocked() {
  const mock = await start({ transfers: 240, machines: 20_000, boots: 400, losing: true });
  const quiet = await start({ empty: true });
  const transfer = mock.world.transfer({ machine: "rack-00010", size: 4_000_000_000 });
  return {
    views: {
      overview: `${mock.url}#/`,
      live: `${mock.url}#/live?sort=progress`,
      boots: `${mock.url}#/boots`,
      boot: `${mock.url}#/boots/13`,
      good: `${mock.url}#/boots/16`,
      machines: `${mock.url}#/machines`,
      machine: `${mock.url}#/machines/rack-00010`,
      stranger: `${mock.url}#/machines/52:54:00:00:00:05`,
      cache: `${mock.url}#/cache`,
      explain: `${mock.url}#/explain?request=/grub/grub.cfg-01-52-54-00-12-34-56&from=10.0.0.7`,
      server: `${mock.url}#/server`,
      search: `${mock.url}#/search?q=00013`,
      transfer: `${mock.url}#/live/${transfer.id}`,
      empty: `${quiet.url}#/`,
      "no-boots": `${quiet.url}#/boots`,
      "no-cache": `${quiet.url}#/cache`,
    },
    close: () => Promise.all([mock.close(), quiet.close()]),
  };
}

/** Views of the demo, or of another server. What is shown is looked for each time: transfers end. */
async function real() {
  const ask = async (what) => (await fetch(`${at}api/v1/${what}`)).json();
  const one = async (what, list, wanted = () => true) => {
    for (;;) {
      const found = (await ask(what))[list].find(wanted);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  const failed = async () => (await one("boots?state=failed&limit=200", "boots", ({ verdict }) => verdict?.kind === "kernel_missing")).id;
  const views = {
    overview: () => "",
    live: () => "live?sort=progress",
    boots: () => "boots",
    boot: async () => `boots/${await failed()}`,
    good: async () => `boots/${(await one("boots?state=complete&limit=200", "boots", ({ transfers }) => transfers > 10)).id}`,
    machines: () => "machines",
    machine: async () => `machines/${encodeURIComponent((await one("boots?state=failed&limit=200", "boots")).machine)}`,
    stranger: async () => `machines/${encodeURIComponent((await one("machines?discovered=true", "machines")).machine)}`,
    cache: () => "cache",
    explain: () => "explain?request=/boot.ipxe&from=127.0.1.40",
    server: () => "server",
    search: () => "search?q=web",
    transfer: async () => `live/${(await one("transfers?sort=size&descending=true&limit=50", "transfers", ({ size, bytes }) => size > 4e6 && bytes < size / 2)).id}`,
  };
  const open = ([name, hash]) => [name, async () => `${at}#/${await hash()}`];
  return { views: Object.fromEntries(Object.entries(views).map(open)), close: () => {} };
}

const scene = await (at ? real() : mocked());
const browser = await launch();
try {
  for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await browser.newPage({ viewport, colorScheme });
      for (const [name, url] of Object.entries(scene.views)) {
        if (only.length && !only.includes(name)) continue;
        await page.goto("about:blank");
        await page.goto(typeof url === "string" ? url : await url());
        await page.waitForTimeout(name === "live" || at ? 2500 : 700);
        await page.screenshot({ path: `${directory}/${name}-${size}-${colorScheme}.png` });
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
  await scene.close();
}
