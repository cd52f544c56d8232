// What 5,000 transfers that really run cost those who watch them: the console in Chromium, and `bootwire top`.
//
//   BOOTWIRE=target/release/bootwire node crates/bootwire-admin/console/tests/open.mjs [TRANSFERS]
//
// `bootwire bench` holds them open against a server of its own: slow clients, each with an address of its own. All
// figures are processor time and memory, which others on the same machine disturb little.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { WIDE, launch } from "./browser.mjs";

const PROGRAM = process.env.BOOTWIRE ?? "target/release/bootwire";
const TRANSFERS = Number(process.argv[2] ?? 5000);
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"]));
/** What the whole page may take beyond an empty one, and a click, and a picture of `top`. */
const MEMORY_MAX = 100e6;
const CLICK_MAX = 0.1;
const PICTURE_MAX = 0.05;

const directory = mkdtempSync(path.join(tmpdir(), "open-"));
chmodSync(directory, 0o755); // The server reads it as another user.
const children = [];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function run(words, options = {}) {
  const child = spawn(words[0], words.slice(1), { stdio: ["ignore", "ignore", "inherit"], ...options });
  children.push(child);
  return child;
}

/** Processor seconds of a process so far. */
function spent(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Bytes of memory of a process; what it shares counts in part. */
function memory(pid) {
  const [, kib] = /^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Number(kib) * 1024;
}

/** The renderers of a browser, by their numbers. */
async function renderers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

async function click(page, session, locator, shown) {
  const metric = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
  const box = await locator.boundingBox();
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2, button: "left", clickCount: 1 };
  await session.send("Input.dispatchMouseEvent", { type: "mouseMoved", ...at });
  const before = await metric();
  await session.send("Input.dispatchMouseEvent", { type: "mousePressed", ...at });
  await session.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...at });
  while (!(await page.evaluate(shown))) await pause(10);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return (await metric()) - before;
}

const problems = [];
function report(what, value, most, unit, scale) {
  const over = value > most;
  console.log(`${what}: ${(value * scale).toFixed(1)} ${unit} (at most ${(most * scale).toFixed(0)})${over ? "  TOO MUCH" : ""}`);
  if (over) problems.push(what);
}

let browser;
try {
  const files = path.join(directory, "files");
  mkdirSync(files);
  const large = openSync(path.join(files, "initrd.img"), "w");
  ftruncateSync(large, 64 << 20);
  closeSync(large);
  const socket = path.join(directory, "admin.sock");
  const config = path.join(directory, "bootwire.toml");
  const [port, admin] = [20_000 + (process.pid % 20_000), 41_000 + (process.pid % 20_000)];
  writeFileSync(
    config,
    `listen = "127.0.0.1:${port}"
log = { level = "quiet" }
[admin]
listen = ["${socket}", "127.0.0.1:${admin}"]
[boots]
database = "memory"
[[route]]
dir = "${files}"
`,
  );
  chmodSync(directory, 0o777); // Its socket is made there.
  const server = run([PROGRAM, "serve", "--config", config]);
  const url = `http://127.0.0.1:${admin}/`;
  const ask = async (what) => (await fetch(`${url}api/v1/${what}`)).json();
  while (!(await fetch(`${url}readyz`).catch(() => null))?.ok) await pause(100);
  run([
    ...[PROGRAM, "bench", `tftp://127.0.0.1:${port}/initrd.img`, "--clients", TRANSFERS, "--source", "127.1.0.0/16"],
    ...["--ramp", "10s", "--duration", "10m", "--delay", "100", "--delay-max", "900ms", "--no-verify", "--quiet"],
  ].map(String));
  for (let tries = 0; (await ask("transfers?limit=1")).total < TRANSFERS; tries += 1) {
    if (tries > 600) throw new Error(`only ${(await ask("transfers?limit=1")).total} transfers run`);
    await pause(200);
  }
  console.log(`${(await ask("transfers?limit=1")).total} transfers run`);

  browser = await launch();
  const page = await browser.newPage({ viewport: WIDE });
  await page.goto("about:blank");
  await pause(1000);
  const sum = async () => (await renderers(browser)).map(memory).reduce((one, other) => one + other, 0);
  const empty = await sum();
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(`${url}#/live`);
  await page.locator(".rows .row").nth(10).waitFor();
  const rows = () => document.querySelectorAll(".rows .row:not(.loading)").length > 10;
  const link = (name) => page.getByRole("link", { name, exact: true });
  const titled = (title) => `document.querySelector("h1").textContent.startsWith(${JSON.stringify(title)})`;
  const clicks = {
    "sort by path": [page.getByRole("button", { name: "Path" }), () => document.querySelector(".c-path").ariaSort === "descending"],
    "open a transfer": [page.locator(".rows .row").nth(3).locator(".c-rate"), titled("Transfer")],
    "back to the list": [link("Live"), rows],
    machines: [link("Machines"), titled("Machines")],
    overview: [link("Overview"), () => document.querySelector(".chart-line")?.getAttribute("d")],
    "live again": [link("Live"), rows],
  };
  for (const [name, [locator, shown]] of Object.entries(clicks)) {
    report(`click, ${name}`, await click(page, session, locator, shown), CLICK_MAX, "ms of the page's thread", 1000);
  }
  // What a collection would free is not what the page takes: Chromium frees it when memory is short.
  const settled = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return sum();
  };
  let most = 0;
  for (let at = 0; at < 20; at += 1) {
    await page.getByRole("grid").evaluate((grid, share) => (grid.scrollTop = grid.scrollHeight * share), ((at * 7) % 20) / 20);
    await pause(500);
    most = Math.max(most, await settled());
  }
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  console.log(`the page's own heap: ${(usedSize / 1e6).toFixed(1)} MB; ${(await renderers(browser)).length} renderers`);
  console.log(`renderer, an empty page: ${(empty / 1e6).toFixed(1)} MB (PSS)`);
  report("renderer beyond that", most - empty, MEMORY_MAX, "MB (PSS)", 1e-6);
  await browser.close();
  browser = undefined;

  // `script` gives it a terminal.
  const top = run(["script", "-qec", `stty rows 50 cols 160; exec ${PROGRAM} top --admin ${socket}`, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm-256color" },
  });
  let written = 0;
  top.stdout.on("data", (bytes) => (written += bytes.length));
  await pause(3000);
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && commandOf(name).includes(`top\0--admin\0${socket}`) && !commandOf(name).startsWith("script") && !commandOf(name).startsWith("sh"));
  assert.ok(pid, "top runs");
  const began = { time: Date.now(), cpu: spent(pid), bytes: written };
  await pause(15_000);
  const seconds = (Date.now() - began.time) / 1000;
  // News come each second, and each is a picture.
  const pictures = Math.floor(seconds);
  report("top, a picture with its news", (spent(pid) - began.cpu) / pictures, PICTURE_MAX, "ms of the processor", 1000);
  console.log(`top wrote ${((written - began.bytes) / seconds / 1000).toFixed(1)} kB a second, and takes ${(memory(pid) / 1e6).toFixed(1)} MB`);
  top.stdin.write("q");
  console.log(`the server takes ${(memory(server.pid) / 1e6).toFixed(1)} MB, and ${(spent(server.pid)).toFixed(1)} s of the processor so far`);
} finally {
  await browser?.close();
  for (const child of children.reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await Promise.race([ended, pause(10_000)]);
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  }
  rmSync(directory, { recursive: true, force: true });
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

if (problems.length) {
  console.error(`too much: ${problems.join(", ")}`);
  process.exitCode = 1;
}
