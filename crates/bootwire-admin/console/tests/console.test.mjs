// The console in Chromium, against the mock server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { NARROW, WIDE, axe, launch } from "./browser.mjs";
import { start } from "./mock.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** A mock server and a page of it. At the end, the page must not have complained. */
async function scene(t, { hash = "#/", viewport = WIDE, colorScheme = "light", expected = null, ...options } = {}) {
  const mock = await start(options);
  const page = await browser.newPage({ viewport, colorScheme });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    if (!expected?.test(message.text())) complaints.push(message.text());
  });
  page.on("dialog", (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
  await page.goto(mock.url + hash);
  t.after(async () => {
    await page.close();
    await mock.close();
    assert.deepEqual(complaints, [], "the console of the browser");
  });
  return { mock, page };
}

const text = (page, selector) => page.locator(selector).first().textContent();

test("the list moves while a transfer runs, and forgets it at its end", async (t) => {
  const { mock, page } = await scene(t, { hash: "#/live", transfers: 3 });
  const transfer = mock.world.transfer({ machine: "mover", path: "/slow.img", rate: 2_000_000 });
  mock.world.target = 4;
  mock.send("transfers", { at: "", reset: false, total: 4, began: [transfer], progress: [], ended: [] });
  const row = page.locator(".rows .row", { hasText: "mover" });
  await row.waitFor();
  const share = async () => parseInt(await row.locator(".bar-text").textContent(), 10);
  const first = await share();
  await page.waitForFunction(
    (from) => parseInt([...document.querySelectorAll(".rows .row")].find((row) => row.textContent.includes("mover"))?.querySelector(".bar-text")?.textContent ?? "0", 10) > from,
    first,
  );
  assert.match(await row.locator(".c-rate").textContent(), /MB\/s/);
  mock.world.transfers.delete(transfer.id);
  mock.send("transfers", { at: "", reset: false, total: 3, began: [], progress: [], ended: [transfer.id] });
  await row.waitFor({ state: "detached" });
});

test("rows stay in place under the pointer", async (t) => {
  const { mock, page } = await scene(t, { hash: "#/live", transfers: 5 });
  await page.locator(".rows .row").nth(2).hover();
  const before = await page.locator(".rows .row .c-who").allTextContents();
  mock.paused = true;
  mock.send("transfers", { at: "", reset: false, total: 6, began: [{ ...mock.world.transfer({ machine: "newcomer" }) }], progress: [], ended: [] });
  await page.getByText("Rows stay in place").waitFor();
  assert.deepEqual(await page.locator(".rows .row .c-who").allTextContents(), before);
  await page.mouse.move(5, 5);
  await page.getByText("newcomer").waitFor();
});

test("a failed boot shows its verdict and what to do", async (t) => {
  const { mock, page } = await scene(t, { hash: "#/boots", transfers: 1 });
  await page.locator(".rows .row").first().waitFor();
  mock.boot({ id: "new-0", machine: "victim" });
  const row = page.locator(".rows .row", { hasText: "victim" });
  await row.getByText("running").waitFor();
  mock.boot({ id: "new-0", state: "failed", verdict: { kind: "loop", text: "fetched ipxe.efi three times", advice: "Let DHCP send a script. `bootwire explain /ipxe.efi` shows more." } });
  await row.getByText("fetched ipxe.efi three times").waitFor();
  await row.getByText("failed").waitFor();
  await row.click();
  await page.locator(".verdict.failed").getByText("fetched ipxe.efi three times").waitFor();
  await page.getByText("Let DHCP send a script.").waitFor();
  assert.equal(await text(page, ".verdict code"), "bootwire explain /ipxe.efi", "a command stands out");
  assert.equal(await text(page, "h1"), "victim");
  assert.ok((await page.locator(".timeline tbody tr").count()) > 3);
  assert.match(page.url(), /#\/boots\/new-0$/);
});

test("a boot's misses are folded and its gaps shown", async (t) => {
  const { page } = await scene(t, { hash: "#/boots/13" });
  await page.locator(".timeline tr.gap").waitFor();
  await page.getByText("9 misses").waitFor();
  await page.getByText("timeout at 43 %").waitFor();
  await page.getByText("asked for its size only").waitFor();
  assert.equal(await page.locator(".timeline tr.bad").count(), 1, "a size probe is no failure");
});

test("search finds machines, boots, paths and what runs", async (t) => {
  const { mock, page } = await scene(t, { transfers: 3, machines: 300 });
  mock.world.transfer({ machine: "rack-00010", path: "/images/rack-00010.img" });
  await page.keyboard.press("/");
  await page.keyboard.type("rack-00010");
  await page.locator(".results h2", { hasText: "Machines" }).waitFor();
  await page.locator(".results h2", { hasText: "Boots" }).waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("/images/12.7");
  await page.locator(".results h2", { hasText: "Transfers lately" }).waitFor();
  await page.getByRole("link", { name: "Explain a request for this path" }).waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("nowhere-at-all");
  await page.getByText("Nothing has “nowhere-at-all” in it.").waitFor();
  await page.goBack();
  await page.locator("h1", { hasText: "Overview" }).waitFor();
});

test("light and dark, by the system and by the switch, which is kept", async (t) => {
  const { page } = await scene(t, { colorScheme: "dark" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: "light" });
  const light = await ground();
  assert.notEqual(dark, light);
  const button = page.getByRole("button", { name: /^Colours/ });
  await button.click();
  await button.click();
  assert.equal(await button.getAttribute("aria-label"), "Colours: dark");
  assert.equal(await ground(), dark);
  await page.reload();
  assert.equal(await ground(), dark, "after another visit");
});

test("the keyboard is enough", async (t) => {
  const { page } = await scene(t, { transfers: 40, machines: 4000 });
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  await page.getByRole("link", { name: "Machines" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "Machines" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1", "the focus follows");
  await page.locator(".rows .row:not(.loading)").first().waitFor();
  for (let presses = 0; (await page.evaluate(() => document.activeElement?.getAttribute("role"))) !== "grid"; presses += 1) {
    assert.ok(presses < 12, "the list can be reached");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("PageDown");
  await page.keyboard.press("ArrowUp");
  const marked = page.locator('.row[aria-selected="true"]');
  const id = await page.evaluate(() => document.activeElement?.getAttribute("aria-activedescendant"));
  assert.equal(await marked.getAttribute("id"), id);
  const machine = await marked.locator(".c-machine").textContent();
  assert.ok(Number(await marked.getAttribute("aria-rowindex")) > 8);
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: machine }).waitFor();
  await page.goBack();
  await page.locator("h1", { hasText: "Machines" }).waitFor();
});

test("a token is asked for, and kept by the browser", async (t) => {
  const { page } = await scene(t, { token: "open sesame", expected: /401/ });
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.getByLabel("Token", { exact: true }).fill("wrong");
  await page.keyboard.press("Enter");
  await dialog.getByText("The token is wrong").waitFor();
  await page.getByLabel("Token", { exact: true }).fill("open sesame");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  await page.locator('.frame[data-state="live"]').waitFor();
  await page.locator(".short li").first().waitFor();
  assert.equal(await page.evaluate(() => document.cookie), "", "no script can read it");
});

test("a broken connection is shown, and mended without leftovers", async (t) => {
  const { mock, page } = await scene(t, { hash: "#/live", transfers: 6, expected: /ERR_INCOMPLETE_CHUNKED/ });
  await page.locator(".rows .row").nth(5).waitFor();
  mock.paused = true;
  mock.hangUp();
  await page.getByText("reconnecting").waitFor();
  // While nobody listened, all ended and one began.
  mock.world.transfers.clear();
  mock.world.transfer({ machine: "survivor" });
  await page.locator('.frame[data-state="live"]').waitFor();
  await page.getByText("survivor").waitFor();
  assert.equal(await page.locator(".rows .row").count(), 1);
});

test("what clients send is text and nothing else", async (t) => {
  const evil = `/<img src=x onerror=alert(1)>"'&\u202e\u0000${"long".repeat(200)}`;
  const { mock, page } = await scene(t, { hash: "#/live", transfers: 0, expected: /requires 'TrustedHTML'/ });
  await page.getByText("Nothing is being transferred").waitFor();
  const transfer = mock.world.transfer({ machine: evil, path: evil });
  mock.send("transfers", { at: "", reset: false, total: 1, began: [transfer], progress: [], ended: [] });
  await page.locator(".rows .row").waitFor();
  assert.equal(await page.locator("img").count(), 0);
  assert.ok((await text(page, ".rows .c-path")).includes("<img src=x onerror=alert(1)>"));
  mock.boot({ id: "new-0", machine: evil, state: "failed", verdict: { kind: "x", text: evil, advice: "<script>alert(1)</script>" } });
  await page.goto(`${mock.url}#/boots/new-0`);
  await page.locator(".verdict.failed").waitFor();
  assert.equal(await page.locator("main img, main script").count(), 0);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, "long names do not widen the page");
  await assert.rejects(page.evaluate(() => void (document.body.innerHTML = "<b>x</b>")), /TrustedHTML/, "the policy holds");
});

test("lost records are in plain sight on every view", async (t) => {
  const { page } = await scene(t, { hash: "#/machines", losing: true });
  await page.getByText("webhook lost 1,214 records").waitFor();
  await page.getByRole("link", { name: "See why" }).click();
  await page.getByText("its queue was full").waitFor();
});

test("explain answers as the command does, and can be linked to", async (t) => {
  const { mock, page } = await scene(t, { hash: "#/explain" });
  await page.getByLabel("Path", { exact: true }).fill("/grub/grub.cfg-01-52-54-00-12-34-56");
  await page.getByLabel("Machine or address").fill("rack-00010");
  await page.keyboard.press("Enter");
  await page.getByText("YES (/etc/bootwire/bootwire.toml:46)").waitFor();
  await page.getByText("from 10.0.0.10 to").waitFor();
  assert.ok(mock.requests.includes("GET machines/rack-00010"), "a machine's address is looked up");
  const page2 = await browser.newPage();
  await page2.goto(page.url());
  await page2.getByText("It gets the file.").waitFor();
  await page2.close();
});

test("the cache is purged only when asked twice", async (t) => {
  const { mock, page } = await scene(t, { hash: "#/cache" });
  const origin = page.getByRole("region", { name: "Origin images" });
  await origin.getByRole("button", { name: "Purge" }).click();
  await origin.getByText("Purge again to remove all of images").waitFor();
  assert.ok(!mock.requests.includes("POST cache/purge"));
  await origin.getByRole("button", { name: "Purge" }).click();
  await origin.getByText("Removed 3 versions").waitFor();
});

test("where there is nothing, the page says what to do", async (t) => {
  const { mock, page } = await scene(t, { empty: true, expected: /404/ });
  await page.getByText("Nothing has booted yet").waitFor();
  await page.getByText("10.0.0.1:69").waitFor();
  for (const [hash, words] of [
    ["live", "Nothing is being transferred"],
    ["boots", "Nothing has booted yet"],
    ["boots/17", "This boot is not kept any more"],
    ["machines", "Nothing has booted yet"],
    ["machines/nobody", "Nobody has heard of this machine"],
    ["cache", "This server has no cache"],
    ["live/17", "This transfer has ended"],
    ["search", "What do you look for?"],
  ]) {
    await page.goto(`${mock.url}#/${hash}`);
    await page.getByText(words).waitFor();
  }
});

test("a machine that the inventory does not know: the command that adds it, by keyboard", async (t) => {
  const { page } = await scene(t, { hash: "#/machines?which=discovered" });
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("row").nth(1).getByRole("link").first().click();
  const box = page.getByRole("region", { name: "Add it to the inventory" });
  const code = box.getByRole("textbox", { name: "Command" });
  const mac = await page.locator("h1").textContent();
  assert.equal(await code.textContent(), `sudo bootwire machines discovered --add ${mac}`);
  await box.getByLabel(/Its name/).focus();
  await page.keyboard.type("node 7's");
  assert.equal(await code.textContent(), `sudo bootwire machines discovered --add ${mac} --hostname 'node 7'\\''s'`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await box.getByRole("status").getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await code.textContent());
});

test("every chart has a table", async (t) => {
  const { page } = await scene(t);
  for (const chart of ["Throughput", "Loss", "Refusals"]) {
    const figure = page.locator("figure", { hasText: chart });
    await figure.locator("summary").click();
    await figure.locator("tbody tr").nth(10).waitFor();
    assert.match(await figure.getByRole("img").getAttribute("aria-labelledby"), /^chart-/);
  }
});

const VIEWS = ["", "live", "boots", "boots/13", "machines", "machines/rack-00010", "machines/52:54:00:00:00:05", "cache", "explain?request=/x&from=10.0.0.1", "server", "search?q=00013"];
for (const [name, viewport, colorScheme] of [
  ["wide and light", WIDE, "light"],
  ["narrow and dark", NARROW, "dark"],
]) {
  test(`axe finds nothing on any view, ${name}`, async (t) => {
    const { mock, page } = await scene(t, {
      viewport,
      colorScheme,
      losing: true,
      transfers: 30,
      expected: /Failed to load resource: net::/, // A visit that ends while something is on its way.
    });
    const transfer = mock.world.transfer({ size: 1e12 });
    for (const view of [...VIEWS, `live/${transfer.id}`]) {
      await page.goto(`${mock.url}#/${view}`);
      await page.reload();
      await page.locator(".notice").waitFor();
      await page.locator("h1").waitFor();
      await page.waitForTimeout(400);
      const found = await violations(page);
      assert.deepEqual(found, [], `#/${view}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `#/${view} is ${wide} pixels too wide`);
    }
  });
}

test("axe would find something", async (t) => {
  const { page } = await scene(t);
  await page.locator("h1").waitFor();
  await page.evaluate(() => document.body.append(document.createElement("button")));
  assert.match((await violations(page)).join("\n"), /button-name/);
});

/** What axe-core has to say, in lines. It runs beside the page, not in it: the policy would not have it. */
async function violations(page) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, contextId, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await run(`${axe}; 0`);
  const found = await run(
    "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`)))",
  );
  await session.detach();
  return found;
}
