// Debian's Chromium, driven by playwright-core. Tools are in target/console, where ./test puts them.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../..");
const require = createRequire(path.join(ROOT, "target/console/package.json"));
const { chromium } = require("playwright-core");

/** The text of axe-core, to be run in a page. */
export const axe = require("axe-core").source;

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? PROGRAMS.find(existsSync);
  if (!executablePath) throw new Error("there is no Chromium: apt-get install chromium, or set CHROMIUM");
  // In a container, and as root, it has no sandbox of its own. It opens pages of this machine only.
  // Without a renderer for pages to come, a page has one process.
  const off = "--disable-features=SpareRendererForSitePerProcess";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info", off] });
}

export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 390, height: 844 };
