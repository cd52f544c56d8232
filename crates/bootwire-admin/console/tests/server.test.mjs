// The console against `bootwire serve`: what the mock server tells is what the real one tells.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { WIDE, launch } from "./browser.mjs";
import { fetch as transfer } from "./tftp.mjs";

const PROGRAM = process.env.BOOTWIRE ?? "target/release/bootwire";

let browser;
let server;
let directory;
let address;
let port;
const log = [];

before(async () => {
  if (!existsSync(PROGRAM)) throw new Error(`there is no ${PROGRAM}: build it, or set BOOTWIRE`);
  directory = mkdtempSync(path.join(tmpdir(), "console-"));
  chmodSync(directory, 0o755); // The server reads it as another user.
  const files = path.join(directory, "files");
  mkdirSync(path.join(files, "pxelinux.cfg"), { recursive: true });
  writeFileSync(path.join(files, "pxelinux.0"), "x".repeat(40_000));
  writeFileSync(path.join(files, "pxelinux.cfg/default"), "default linux\nlabel linux\nkernel vmlinuz\nappend initrd=initrd.img\n");
  writeFileSync(path.join(files, "vmlinuz"), "k".repeat(4_000_000));
  writeFileSync(path.join(files, "initrd.img"), "i".repeat(2_000_000));
  port = await freeUdp();
  const admin = await freeTcp();
  address = `http://127.0.0.1:${admin}/`;
  writeFileSync(
    path.join(directory, "bootwire.toml"),
    `listen = "127.0.0.1:${port}"
[admin]
listen = "127.0.0.1:${admin}"
[boots]
database = "memory"
silence = "5s"
[[route]]
path = "/{*path}"
dir = "${files}"
`,
  );
  server = spawn(PROGRAM, ["serve", "--config", path.join(directory, "bootwire.toml")], { stdio: ["ignore", "pipe", "pipe"] });
  for (const output of [server.stdout, server.stderr]) output.on("data", (text) => log.push(String(text)));
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`the server ended: ${log.join("")}`);
    const answer = await fetch(`${address}readyz`).catch(() => null);
    return answer?.ok;
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  if (server && server.exitCode === null) {
    const ended = new Promise((resolve) => server.on("exit", resolve));
    server.kill("SIGTERM");
    await ended;
  }
  if (directory) rmSync(directory, { recursive: true, force: true });
});

async function until(done) {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it did not come: ${log.join("")}`);
}

function freeUdp() {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

function freeTcp() {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

async function open(t, hash, expected) {
  const page = await browser.newPage({ viewport: WIDE });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !expected?.test(message.text()) && complaints.push(message.text()));
  await page.goto(address + hash);
  await page.locator('.frame[data-state="live"]').waitFor();
  t.after(async () => {
    await page.close();
    assert.deepEqual(complaints, [], "the console of the browser");
  });
  return page;
}

test("a transfer moves and ends, and its record is found", async (t) => {
  const page = await open(t, "#/live");
  const running = transfer(port, "/vmlinuz", { pace: 4, most: 1500 });
  const row = page.locator(".rows .row", { hasText: "/vmlinuz" });
  await row.waitFor();
  const share = async () => parseInt(await row.locator(".bar-text").textContent(), 10);
  const first = await share();
  await until(async () => (await share()) > first + 3);
  await row.locator(".c-rate").click();
  await page.getByText("4.00 MB").waitFor();
  await page.getByText("/{*path}").waitFor();
  await running;
  await promisify(execFile)(PROGRAM, ["get", `tftp://127.0.0.1:${port}/initrd.img`, "--output", "/dev/null"]);
  await page.goto(`${address}#/search?q=initrd.img`);
  await page.locator(".results td", { hasText: "/initrd.img" }).first().waitFor();
});

test("a boot that stops shows its verdict and its timeline", async (t) => {
  const page = await open(t, "#/boots");
  const machine = { from: "127.0.0.2" };
  await transfer(port, "pxelinux.0", machine);
  await transfer(port, "pxelinux.cfg/01-52-54-00-12-34-56", machine).catch(() => {});
  await transfer(port, "pxelinux.cfg/default", machine);
  const row = page.locator(".rows .row.failed", { hasText: "stopped after default" });
  await row.waitFor();
  const verdict = await row.locator(".c-verdict").textContent();
  await row.click();
  await page.locator(".verdict.failed", { hasText: verdict }).waitFor();
  await page.locator(".timeline", { hasText: "/pxelinux.0" }).waitFor();
  t.diagnostic(verdict);
});

test("machines, explain, and the server itself", async (t) => {
  const page = await open(t, "#/machines");
  await page.locator(".rows .row:not(.loading)").first().waitFor();
  await page.goto(`${address}#/explain?request=/pxelinux.0&from=127.0.0.1`);
  await page.getByText("It gets the file.").waitFor();
  await page.goto(`${address}#/server`);
  await page.getByText(`127.0.0.1:${port}`).first().waitFor();
  await page.getByRole("button", { name: "Reload the configuration" }).click();
  await page.getByText("The new configuration is in force.").waitFor();
  await page.goto(`${address}#/`);
  await page.locator(".chart-line[d]").first().waitFor();
});

test("the policy lets nothing in", async (t) => {
  const page = await open(t, "#/", /requires 'TrustedHTML'/);
  await assert.rejects(page.evaluate(() => void (document.body.innerHTML = "<b>x</b>")), /TrustedHTML/);
  const answer = await fetch(address);
  const policy = answer.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
});
