// Pictures of every view, wide and narrow, light and dark: to be looked at.
//
//   node tests/shots.mjs DIRECTORY [VIEW...]

import { mkdirSync } from "node:fs";
import { NARROW, WIDE, launch } from "./browser.mjs";
import { start } from "./mock.mjs";

const VIEWS = {
  overview: "#/",
  live: "#/live?sort=progress",
  boots: "#/boots",
  boot: "#/boots/13",
  good: "#/boots/16",
  machines: "#/machines",
  machine: "#/machines/rack-00010",
  cache: "#/cache",
  explain: "#/explain?request=/grub/grub.cfg-01-52-54-00-12-34-56&from=10.0.0.7",
  server: "#/server",
  search: "#/search?q=00013",
  transfer: "",
};

const [directory = "shots", ...only] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const mock = await start({ transfers: 240, machines: 20_000, boots: 400, losing: true });
const quiet = await start({ empty: true });
const browser = await launch();
VIEWS.transfer = `#/live/${mock.world.transfer({ machine: "rack-00010", size: 4_000_000_000 }).id}`;
try {
  for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await browser.newPage({ viewport, colorScheme });
      for (const [name, hash] of [...Object.entries(VIEWS), ["empty", "#/"], ["no-boots", "#/boots"], ["no-cache", "#/cache"]]) {
        if (only.length && !only.includes(name)) continue;
        const from = name.includes("no-") || name === "empty" ? quiet : mock;
        await page.goto("about:blank");
        await page.goto(from.url + hash);
        await page.waitForTimeout(name === "live" ? 2500 : 700);
        await page.screenshot({ path: `${directory}/${name}-${size}-${colorScheme}.png` });
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
  await mock.close();
  await quiet.close();
}
