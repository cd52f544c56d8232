// The admin API of a server that is not there: for the browser tests, and for whoever works on the console.
//
//   node tests/mock.mjs [--port 8069] [--transfers 5000] [--machines 50000] [--empty] [--losing] [--token TOKEN]

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { World, stages } from "./world.mjs";

const HERE = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const KINDS = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** Starts it. `empty`: nothing ever booted. `token`: it wants one. */
export async function start({ port = 0, empty = false, token = "", ...options } = {}) {
  const world = new World(empty ? { ...options, transfers: 0, machines: 1, boots: 0 } : options);
  const streams = new Set();
  const mock = { world, streams, requests: [], paused: false, empty, token };
  const server = createServer((request, response) => answer(mock, request, response));
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const timer = setInterval(() => !mock.paused && mock.tick(), 1000);

  mock.url = `http://127.0.0.1:${server.address().port}/`;
  /** A second passes. */
  mock.tick = () => {
    const { change, stats } = world.pass(1);
    mock.send("transfers", change);
    mock.send("stats", stats);
  };
  mock.send = (event, data) => {
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const stream of streams) stream.write(text);
  };
  mock.boot = (fields) => {
    const boot = world.tell(fields);
    mock.send("boot", boot);
    return boot;
  };
  /** Breaks all connections, as a restart does. */
  mock.hangUp = () => {
    for (const stream of streams) stream.destroy();
    streams.clear();
  };
  mock.close = async () => {
    clearInterval(timer);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return mock;
}

async function answer(mock, request, response) {
  const url = new URL(request.url, "http://mock");
  const json = (value, status = 200) => {
    response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json", "cache-control": "no-store" });
    response.end(JSON.stringify(value));
  };
  if (!url.pathname.startsWith("/api/")) return file(url.pathname, response);
  const name = url.pathname.slice("/api/v1/".length);
  mock.requests.push(`${request.method} ${name}`);
  const body = request.method === "POST" ? await read(request) : null;
  if (name === "session" && request.method === "POST") {
    if (body.token !== mock.token) return json({ type: "token", status: 401, title: "The token is wrong", detail: "Take the one of [admin] token." }, 401);
    response.writeHead(204, { "set-cookie": "bootwire=1; HttpOnly; SameSite=Strict; Path=/" });
    return response.end();
  }
  if (mock.token && request.headers.cookie !== "bootwire=1") {
    return json({ type: "token", status: 401, title: "A token is needed", detail: "" }, 401);
  }
  if (name === "events") return events(mock, response);
  const [kind, id] = name.split("/").map(decodeURIComponent);
  const found = (request.method === "POST" ? POSTS[name] : GETS[kind])?.(mock, url.searchParams, id, body);
  if (found === undefined) return json({ type: "not_found", status: 404, title: "Not found", detail: `${name} is not there` }, 404);
  json(found);
}

async function read(request) {
  let text = "";
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
}

function file(name, response) {
  const asked = name === "/" ? "index.html" : path.normalize(name).replace(/^\/console\//, "");
  const full = path.join(HERE, asked);
  if (!full.startsWith(HERE) || !existsSync(full) || !statSync(full).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": KINDS[path.extname(full)] ?? "text/plain", "content-security-policy": POLICY, "cache-control": "no-cache" });
  createReadStream(full).pipe(response);
}

function events(mock, response) {
  const { world, streams } = mock;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const tell = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  tell("hello", { instance: world.instance, version: "0.3.0", now: new Date().toISOString() });
  const all = [...world.transfers.values()];
  for (let at = 0; at === 0 || at < all.length; at += 1000) {
    tell("transfers", { at: "", reset: at === 0, total: all.length, began: all.slice(at, at + 1000), progress: [], ended: [] });
  }
  tell("stats", { sample: world.samples.at(-1), counts: world.counts, load: [0.31, 0.28, 0.33, 0.3], exporters: world.exporters });
  streams.add(response);
  response.on("close", () => streams.delete(response));
}

function page(items, query, key, matches) {
  const limit = Number(query.get("limit") ?? 100);
  let at = Number(query.get("after") ?? 0);
  const out = [];
  for (; at < items.count && out.length < limit; at += 1) {
    const item = items.get(at);
    if (matches(item)) out.push(item);
  }
  return { [key]: out, ...(at < items.count ? { next: String(at) } : {}) };
}

const has = (query, ...texts) => {
  const wanted = (query.get("search") ?? "").toLowerCase();
  return !wanted || texts.some((text) => text?.toLowerCase().includes(wanted));
};

const GETS = {
  status: ({ world, empty }) => ({
    name: "bootwire",
    version: "0.3.0",
    instance: world.instance,
    now: new Date().toISOString(),
    started: new Date(world.started).toISOString(),
    listen: ["10.0.0.1:69", "[fd00::1]:69"],
    workers: 4,
    load: [0.31, 0.28, 0.33, 0.3],
    ready: true,
    configuration: empty ? undefined : "/etc/bootwire/bootwire.toml, 12 routes",
    problems: [],
    memory: 48_300_000,
    counts: world.counts,
    exporters: world.exporters,
  }),
  history: ({ world, empty }) => ({ every_ms: 1000, samples: empty ? [] : world.samples }),
  transfers: ({ world }, _query, id) => world.transfers.get(Number(id)),
  boots: ({ world }, query, id) => {
    if (id !== undefined) {
      const boot = world.bootOf(id);
      return boot && { boot, stages: stages(boot), detail: { loader: "grub", architecture: "x86-64" } };
    }
    const matches = (boot) =>
      (!query.get("state") || boot.state === query.get("state")) &&
      (!query.get("machine") || boot.machine === query.get("machine")) &&
      has(query, boot.machine, boot.peer, boot.verdict?.text);
    return page({ count: world.bootCount + world.extra.size, get: (at) => world.boot(at) }, query, "boots", matches);
  },
  machines: ({ world, empty }, query, id) => {
    if (id !== undefined) {
      for (let at = 0; at < world.machineCount; at += 1) {
        const machine = world.machine(at);
        if (machine.machine !== id) continue;
        const boots = [0, 1, 2].map((back) => ({ ...world.boot(at + back * 9), machine: id }));
        return { machine, boots, transfers: [], records: records(id) };
      }
      return undefined;
    }
    const matches = (machine) =>
      (query.get("discovered") !== "true" || !machine.known) &&
      (!query.get("state") || machine.last_boot.state === query.get("state")) &&
      has(query, machine.machine, machine.peer);
    return page({ count: empty ? 0 : world.machineCount, get: (at) => world.machine(at) }, query, "machines", matches);
  },
  records: (_mock, query) => {
    const wanted = (query.get("path") ?? "").replaceAll("*", "");
    const all = records("rack-00010").filter(({ path: name }) => name.includes(wanted));
    return { records: all.slice(0, Number(query.get("limit") ?? 100)), kept: 2000 };
  },
  cache: ({ empty }) =>
    empty
      ? undefined
      : {
          dir: "/var/cache/bootwire",
          max: 21_474_836_480,
          figures: {
            hits: 181_320,
            misses: 412,
            stale: 3,
            asked: 1210,
            retried: 4,
            fetched_bytes: 9_120_000_000,
            disk_bytes: 8_930_000_000,
            current_bytes: 8_100_000_000,
            disk_objects: 214,
            evicted: 12,
            memory_bytes: 1_200_000,
          },
          origins: [
            { name: "images", address: "https://repo.example.com/boot/", prefetch: ["12.7/vmlinuz", "12.7/initrd.img"] },
            { name: "windows", address: "s3://boot-images/win/", prefetch: [] },
          ],
        },
  config: ({ empty }) =>
    empty
      ? undefined
      : {
          location: "/etc/bootwire/bootwire.toml",
          files: ["/etc/bootwire/bootwire.toml"],
          keys: [
            { key: "listen", value: '["10.0.0.1:69", "[fd00::1]:69"]', help: "Addresses to listen on", place: "/etc/bootwire/bootwire.toml:1", needs_restart: true },
            { key: "user", value: '"nobody"', help: "The user to become", needs_restart: true },
          ],
          serves: ["1  /grub/grub.cfg-01-{mac}  template grub.cfg.j2", "2  /images/{*path}          origin images", "3  /{*path}                 /srv/tftp"],
          inventory: { kind: "sqlite", place: "/var/lib/bootwire/machines.db", editable: true },
          warnings: [],
        },
};

const POSTS = {
  explain: (_mock, _query, _id, body) => ({ text: EXPLAINED.replaceAll("PATH", body.request).replaceAll("FROM", body.from ?? "127.0.0.1"), account: { served: true, outcome: { content: { size: 84 } } } }),
  reload: () => ({ reloaded: true, lines: ["origin images: 2 objects to fetch ahead"] }),
  drain: () => ({ active: 12, limit_ms: 30_000 }),
  "cache/prefetch": (_mock, _query, _id, { paths }) => ({ started: !paths.length, objects: paths.map((name) => ({ path: name, bytes: 8_140_000 })) }),
  "cache/purge": () => ({ objects: 3, bytes: 69_440_000 }),
};

function records(machine) {
  return [
    ["/images/12.7/initrd.img", "complete", 61_300_000],
    ["/images/12.7/vmlinuz", "complete", 8_140_000],
    ["/grub/grub.cfg-01-52-54-00-12-34-56", "complete", 412],
    ["/grub/grub.cfg-4c4c4544", "not_found", 0],
    ["/grubx64.efi", "complete", 2_656_256],
  ].map(([name, outcome, bytes], at) => ({
    id: 40_000 - at,
    time: new Date(Date.now() - at * 2000).toISOString(),
    started: new Date(Date.now() - at * 2000 - 900).toISOString(),
    op: "read",
    peer: "10.0.0.10:25304",
    path: name,
    outcome,
    bytes,
    size: bytes,
    duration_us: 300 + bytes / 10,
    machine,
    detail: null,
  }));
}

const EXPLAINED = `read PATH
  from FROM to 10.0.0.1, without options

routes, in order
  1  /tftpboot/{*path}        no: another path
  2  /grub/grub.cfg-01-{mac}  YES (/etc/bootwire/bootwire.toml:46): template grub.cfg.j2
     with mac=52:54:00:12:34:56

machine
  mac 52:54:00:12:34:56 (a parameter of the route)
  ip FROM (the client's address)
  inventory (files, /etc/bootwire/machines.toml) knows it
    hostname = node-7
    profile = worker

what the route does
  template grub.cfg.j2
    84 bytes

what the client gets
  84 bytes
  | set timeout=3
  | menuentry 'node-7' {
  |     linux /images/12.7/vmlinuz root='/dev/vda'
  | }
`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flag = (name) => (process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : undefined);
  const mock = await start({
    port: Number(flag("port") ?? 8069),
    transfers: Number(flag("transfers") ?? 24),
    machines: Number(flag("machines") ?? 240),
    empty: process.argv.includes("--empty"),
    losing: process.argv.includes("--losing"),
    token: flag("token") ?? "",
  });
  console.log(mock.url);
}
