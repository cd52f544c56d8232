// The console under load: 5,000 transfers that run, 50,000 machines.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WIDE, launch } from "./browser.mjs";
import { start } from "./mock.mjs";

const MEMORY_MAX = 100e6;
const CLICK_MAX = 0.1;

let browser;
let mock;
let page;
let session;
before(async () => {
  browser = await launch();
  mock = await start({ transfers: 5000, machines: 50_000, boots: 20_000 });
  page = await browser.newPage({ viewport: WIDE });
  session = await page.context().newCDPSession(page);
  // The time of the page's own thread: what others do to this machine does not count.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
});
after(async () => {
  await browser?.close();
  await mock?.close();
});

async function metric(name) {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find((metric) => metric.name === name).value;
}

/** Processor seconds the page takes to show what a click asked for; a second's changes of all transfers may be among them. */
async function click(locator, shown) {
  const box = await locator.boundingBox();
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2, button: "left", clickCount: 1 };
  await session.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...at });
  const before = await metric("TaskDuration");
  await session.send("Input.dispatchMouseEvent", { type: "mousePressed", ...at });
  await session.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...at });
  while (!(await page.evaluate(shown))) await new Promise((resolve) => setTimeout(resolve, 10));
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return (await metric("TaskDuration")) - before;
}

test("5,000 transfers: little in the page, little memory, quick clicks", async (t) => {
  await page.goto(`${mock.url}#/live`);
  await page.getByText("5,000 transfers.").waitFor();
  const grid = page.getByRole("grid");
  assert.equal(await grid.getAttribute("aria-rowcount"), "5001");
  assert.ok((await page.locator(".rows .row").count()) < 60, "only what is on the screen is in the page");

  const rows = () => document.querySelectorAll(".rows .row:not(.loading)").length > 10;
  const link = (name) => page.getByRole("link", { name, exact: true });
  const clicks = {};
  clicks.sort = await click(page.getByRole("button", { name: "Path" }), () => document.querySelector(".c-path").ariaSort === "descending");
  clicks.row = await click(page.locator(".rows .row").nth(3).locator(".c-rate"), () => document.querySelector("h1").textContent.startsWith("Transfer"));
  clicks.back = await click(link("Live"), rows);
  clicks.boots = await click(link("Boots"), () => document.querySelector("h1").textContent === "Boots" && document.querySelectorAll(".rows .row:not(.loading)").length > 10);
  clicks.overview = await click(link("Overview"), () => document.querySelector(".chart-line")?.getAttribute("d"));
  clicks.live = await click(link("Live"), rows);
  for (const [name, seconds] of Object.entries(clicks)) {
    t.diagnostic(`${name}: ${(seconds * 1000).toFixed(0)} ms of the page's thread`);
    assert.ok(seconds < CLICK_MAX, `${name} took ${seconds} s`);
  }

  // Through the list while it moves, for some seconds: what is left behind must not add up.
  let most = 0;
  const busy = await metric("TaskDuration");
  for (let at = 0; at < 24; at += 1) {
    await grid.evaluate((grid, share) => (grid.scrollTop = grid.scrollHeight * share), (at * 7 % 24) / 24);
    await page.waitForTimeout(250);
    most = Math.max(most, await metric("JSHeapUsedSize"));
  }
  t.diagnostic(`${(((await metric("TaskDuration")) - busy) / 6 * 100).toFixed(0)} % of a processor while 5,000 move and somebody scrolls`);
  t.diagnostic(`JSHeapUsedSize at most ${(most / 1e6).toFixed(1)} MB, ${await metric("Nodes")} nodes`);
  assert.ok(most < MEMORY_MAX, `${most} bytes`);
});

test("50,000 machines: pages come as somebody scrolls, and are not all kept", async (t) => {
  await page.goto(`${mock.url}#/machines`);
  const grid = page.getByRole("grid");
  await page.locator(".rows .row:not(.loading)").nth(10).waitFor();
  assert.equal(await grid.getAttribute("aria-rowcount"), "-1", "nobody has counted them");
  await grid.focus();
  for (let at = 0; at < 60; at += 1) {
    const height = await page.locator(".rows").evaluate((rows) => rows.style.height);
    await page.keyboard.press("End");
    await page.waitForFunction((before) => document.querySelector(".rows").style.height !== before, height);
  }
  await page.waitForFunction(() => [...document.querySelectorAll(".rows .row:not(.loading)")].some((row) => Number(row.ariaRowIndex) > 6000));
  assert.ok((await page.locator(".rows .row").count()) < 60);
  const asked = () => mock.requests.filter((request) => request === "GET machines").length;
  const before = asked();
  await page.keyboard.press("Home");
  await page.locator(".rows .row:not(.loading)", { hasText: "rack-00000" }).waitFor();
  assert.ok(asked() > before, "the first page was fetched again");
  await page.getByLabel("Name or address").fill("49987");
  await page.locator(".rows .row:not(.loading)", { hasText: "49987" }).waitFor();
  assert.equal(await grid.getAttribute("aria-rowcount"), "2");
  const heap = await metric("JSHeapUsedSize");
  t.diagnostic(`JSHeapUsedSize ${(heap / 1e6).toFixed(1)} MB`);
  assert.ok(heap < MEMORY_MAX, `${heap} bytes`);
});
