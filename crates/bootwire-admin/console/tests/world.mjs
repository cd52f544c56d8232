// A made-up fleet: machines, boots and transfers, from a seed. The mock server tells of it.

const NAMES = ["rack", "node", "db", "edge", "lab"];
const FILES = [
  ["/images/12.7/vmlinuz", 8_140_000],
  ["/images/12.7/initrd.img", 61_300_000],
  ["/grub/x86_64-efi/core.efi", 1_460_000],
  ["/win/boot/boot.wim", 412_000_000],
  ["/rpi4/kernel8.img", 9_870_000],
];
const FAILED = [
  [
    "stopped_before_kernel",
    "stopped after grub.cfg: never asked for the kernel it names (/images/12.7/vmlinuz)",
    "Look at the machine's screen: GRUB shows what it could not do. Try the kernel's path with `bootwire explain`.",
  ],
  [
    "timeout",
    "initrd timed out at 43 %: 12 % of packets lost on the way to it",
    "Look at the cable and the switch port of this machine. Limit its block size with a quirk if a tunnel is on the way.",
  ],
  [
    "loop",
    "fetched ipxe.efi three times: DHCP sends iPXE to iPXE again",
    "Let DHCP send a script to clients whose user class is iPXE, and ipxe.efi only to the others.",
  ],
  ["wrong_architecture", "an arm64 machine fetched an x86-64 loader", "Let DHCP choose the loader by option 93, the client's architecture."],
  ["started_over", "asked for pxelinux.0 twice, 40 s apart: it started over", "Look whether the machine lost power, or its watchdog fired."],
];

/** Numbers that look random, the same ones each time. */
export function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const stamp = (at) => new Date(at).toISOString();

export class World {
  constructor({ transfers = 12, machines = 240, boots = 160, losing = false, seed = 7 } = {}) {
    this.roll = dice(seed);
    this.machineCount = machines;
    this.bootCount = boots;
    this.target = transfers;
    this.started = Date.now() - 3 * 3600_000;
    this.instance = `mock-${seed}`;
    this.nextId = 41_000;
    this.transfers = new Map();
    this.extra = new Map();
    this.counts = {
      active: 0,
      reads: 182_204,
      rate_limited: losing ? 1204 : 0,
      not_allowed: losing ? 88 : 3,
      blocks_resent: 8210,
      packets_out: 91_000_000,
      bytes_out: 128_000_000_000,
      kernel_drops: 0,
      records_dropped: 0,
    };
    this.exporters = [
      { name: "metrics", sent: 182_204, dropped: 0, failed: 0 },
      { name: "boots", sent: 182_204, dropped: 0, failed: 0 },
      { name: "webhook", sent: 180_990, dropped: losing ? 1204 : 0, failed: losing ? 10 : 0 },
    ];
    this.samples = [];
    const now = Date.now();
    for (let at = 600; at > 0; at -= 1) this.samples.push(this.#past(now - at * 1000, at));
    while (this.transfers.size < transfers) this.#begin(true);
  }

  #past(at, before) {
    const wave = 0.55 + 0.25 * Math.sin(before / 47) + 0.14 * Math.sin(before / 9) + 0.06 * this.roll();
    const storm = before > 210 && before < 260;
    return this.#sample(at, {
      bytes_out: Math.round(this.target * 9_000_000 * wave),
      resent: storm ? 0.02 + 0.02 * this.roll() : 0.0008 * this.roll(),
      failed: storm && this.roll() > 0.7 ? 1 : 0,
      refused: storm ? Math.round(6 * this.roll()) : this.roll() > 0.985 ? 1 : 0,
    });
  }

  #sample(at, { bytes_out, resent, failed = 0, refused = 0 }) {
    const packets = Math.round(bytes_out / 1400);
    return {
      time: stamp(at),
      active: this.target,
      completed: Math.round(this.target / 6),
      failed,
      not_found: Math.round(this.target / 3),
      refused,
      bytes_out,
      bytes_in: 0,
      packets_out: packets,
      blocks_resent: Math.round(packets * resent),
      kernel_drops: 0,
      records_dropped: 0,
    };
  }

  #begin(midway = false) {
    const id = this.nextId++;
    const index = Math.floor(this.roll() * this.machineCount);
    const [path, size] = FILES[Math.floor(this.roll() * FILES.length)];
    const unknown = this.roll() < 0.04;
    const transfer = {
      id,
      started: stamp(Date.now() - (midway ? this.roll() * 9000 : 0)),
      op: "read",
      peer: `${address(index)}:${25300 + (id % 400)}`,
      local: "10.0.0.1:30001",
      path,
      route: "/{*path}",
      machine: this.roll() < 0.93 ? name(index) : undefined,
      phase: "client",
      blksize: 1468,
      windowsize: this.roll() < 0.3 ? 4 : 1,
      size: unknown ? undefined : size,
      bytes: midway ? Math.floor(size * this.roll() * 0.9) : 0,
      rate: Math.round(3_000_000 + 14_000_000 * this.roll()),
      blocks_resent: 0,
      timeouts: 0,
      round_trip_us: Math.round(180 + 900 * this.roll()),
      duration_us: 0,
      idle_us: 0,
    };
    this.transfers.set(id, transfer);
    return transfer;
  }

  /** Lets `seconds` pass. */
  pass(seconds) {
    const change = { at: stamp(Date.now()), reset: false, total: 0, began: [], progress: [], ended: [] };
    let bytes = 0;
    for (const transfer of this.transfers.values()) {
      transfer.rate = Math.round(transfer.rate * (0.94 + 0.12 * this.roll()));
      const step = Math.round(transfer.rate * seconds);
      transfer.bytes += step;
      bytes += step;
      if (this.roll() < 0.02) transfer.blocks_resent += 1 + Math.floor(3 * this.roll());
      const { id, bytes: done, rate, blocks_resent } = transfer;
      if (done >= (transfer.size ?? 50_000_000)) {
        this.transfers.delete(id);
        change.ended.push(id);
      } else {
        change.progress.push({ id, bytes: done, rate, blocks_resent });
      }
    }
    while (this.transfers.size < this.target) change.began.push(this.#begin());
    change.total = this.transfers.size;
    const sample = this.#sample(Date.now(), { bytes_out: Math.round(bytes / seconds), resent: 0.0008 * this.roll() });
    this.samples.push(sample);
    if (this.samples.length > 900) this.samples.shift();
    this.counts.active = this.transfers.size;
    const load = [0, 1, 2, 3].map(() => Math.min(1, this.target / 8000 + 0.1 * this.roll()));
    return { change, stats: { sample, counts: this.counts, load, exporters: this.exporters } };
  }

  /** Transfer of a name that a test looks for. */
  transfer(fields) {
    const transfer = this.#begin();
    Object.assign(transfer, { bytes: 0, size: 40_000_000, rate: 4_000_000 }, fields);
    return transfer;
  }

  boot(index) {
    const extra = [...this.extra.values()];
    if (index < extra.length) return extra[extra.length - 1 - index];
    return made(index - extra.length, this);
  }

  bootOf(id) {
    return this.extra.get(id) ?? (/^\d+$/.test(id) && Number(id) < this.bootCount ? made(Number(id), this) : undefined);
  }

  /** A boot that a test tells of. */
  tell(fields) {
    const now = stamp(Date.now());
    const boot = {
      id: `new-${this.extra.size}`,
      machine: "node-00007",
      peer: "10.0.0.7",
      started: now,
      last: now,
      state: "running",
      stage: "loader",
      transfers: 1,
      bytes: 148,
      duration_us: 900_000,
      ...this.extra.get(fields.id),
      ...fields,
    };
    this.extra.set(boot.id, boot);
    return boot;
  }

  *boots() {
    for (let index = 0; index < this.bootCount + this.extra.size; index += 1) yield this.boot(index);
  }

  machine(index) {
    const boot = made(index, this);
    const last_seen = stamp(Date.now() - index * 4000 - 2000);
    return {
      machine: name(index),
      mac: mac(index),
      known: index % 23 !== 5,
      peer: address(index),
      first_seen: stamp(this.started),
      last_seen,
      boots: 1 + (index % 4),
      last_boot: { ...boot, machine: name(index), peer: address(index) },
    };
  }
}

export function name(index) {
  return index % 23 === 5 ? mac(index) : `${NAMES[index % NAMES.length]}-${String(index).padStart(5, "0")}`;
}

function mac(index) {
  const tail = [index >> 16, index >> 8, index].map((byte) => (byte & 255).toString(16).padStart(2, "0"));
  return `52:54:00:${tail.join(":")}`;
}

export function address(index) {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
}

function made(index, world) {
  const state = index < 3 ? "running" : index % 9 === 4 ? "failed" : index % 31 === 8 ? "unknown" : "complete";
  const started = Date.now() - index * 47_000 - 4000;
  const duration = state === "running" ? Date.now() - started : 14_000_000 / 1000 + (index % 17) * 900;
  const [kind, text, advice] = state === "failed" ? FAILED[Math.floor(index / 9) % FAILED.length] : [state, "", undefined];
  const verdict =
    state === "failed"
      ? { kind, text, advice }
      : state === "complete"
        ? { kind, text: "complete" }
        : state === "unknown"
          ? { kind: "unknown", text: "fetched its configuration and boots from its disk" }
          : undefined;
  return {
    id: String(index),
    machine: name(index % world.machineCount),
    peer: address(index % world.machineCount),
    started: stamp(started),
    last: stamp(started + duration),
    state,
    stage: state === "running" ? "kernel" : state === "failed" ? "config" : "initrd",
    verdict,
    transfers: 31 + (index % 5),
    bytes: state === "failed" ? 3_410_000 : 71_420_000,
    duration_us: Math.round(duration * 1000),
  };
}

const stage = (stage, path, start, duration, outcome, bytes, more = {}) => ({
  stage,
  path,
  start_us: Math.round(start * 1e6),
  duration_us: Math.round(duration * 1e6),
  outcome,
  bytes,
  size: bytes,
  count: 1,
  blocks_resent: 0,
  ...more,
});

export function stages(boot) {
  const begin = [
    stage("firmware", "/shimx64.efi", 0, 0.01, "probe", 0, { size: 948_768 }),
    stage("firmware", "/shimx64.efi", 0.02, 0.62, "complete", 948_768, { note: "limited by the client: 0.9 ms a block, the server 0.02 ms" }),
    stage("loader", "/grubx64.efi", 0.81, 1.9, "complete", 2_656_256),
    stage("loader", "/grub/x86_64-efi/", 2.9, 0.9, "complete", 248_000, { count: 22 }),
    stage("config", "/grub/grub.cfg-…", 3.9, 0.05, "not_found", 0, { count: 9, size: undefined }),
    stage("config", "/grub/grub.cfg-01-52-54-00-12-34-56", 3.96, 0.01, "complete", 412),
  ];
  if (boot.state === "failed") {
    if (boot.verdict?.kind !== "timeout") return begin;
    return [
      ...begin,
      stage("gap", "", 4.0, 3.1, "", 0, { size: undefined, note: "Nothing was asked for: a menu waits, or somebody thinks." }),
      stage("kernel", "/images/12.7/vmlinuz", 7.1, 1.4, "complete", 8_140_000, { blocks_resent: 212 }),
      stage("initrd", "/images/12.7/initrd.img", 8.6, 5.4, "timeout", 26_359_000, { size: 61_300_000, blocks_resent: 3104, note: "limited by the network" }),
    ];
  }
  return [
    ...begin,
    stage("gap", "", 4.0, 3.1, "", 0, { size: undefined, note: "Nothing was asked for: a menu waits, or somebody thinks." }),
    stage("kernel", "/images/12.7/vmlinuz", 7.1, 1.1, "complete", 8_140_000),
    stage("initrd", "/images/12.7/initrd.img", 8.2, 5.6, boot.state === "running" ? "running" : "complete", boot.state === "running" ? 30_000_000 : 61_300_000, {
      size: 61_300_000,
    }),
  ];
}
