// What the admin API sends, as in `crates/bootwire-admin/src/api`. For the type checker only: browsers never see this
// file. Members that a server may leave out are optional.

export interface Status {
  name: string;
  version: string;
  instance: string;
  now: string;
  started: string;
  listen: string[];
  workers: number;
  load: number[];
  ready: boolean;
  configuration?: string;
  problems: string[];
  memory?: number;
  counts: Counts;
  exporters: Exporter[];
}

export type Counts = { [name: string]: number };

export interface Exporter {
  name: string;
  sent: number;
  dropped: number;
  failed: number;
}

/** One second. */
export interface Sample {
  time: string;
  active: number;
  completed: number;
  failed: number;
  not_found: number;
  refused: number;
  bytes_out: number;
  bytes_in: number;
  packets_out: number;
  blocks_resent: number;
  kernel_drops: number;
  records_dropped: number;
}

export interface History {
  every_ms: number;
  samples: Sample[];
}

export interface Transfer {
  id: number;
  started: string;
  op: string;
  peer: string;
  local: string;
  path: string;
  route?: string;
  machine?: string;
  phase: string;
  blksize: number;
  windowsize: number;
  size?: number;
  bytes: number;
  rate?: number;
  blocks_resent: number;
  timeouts: number;
  round_trip_us?: number;
  duration_us: number;
  idle_us: number;
}

export interface Progress {
  id: number;
  bytes?: number;
  rate?: number;
  phase?: string;
  blocks_resent?: number;
  timeouts?: number;
  round_trip_us?: number;
  idle_us?: number;
}

export interface HelloEvent {
  instance: string;
  version: string;
  now: string;
}

export interface LagEvent {
  missed?: number | null;
}

export interface TransfersEvent {
  at: string;
  reset: boolean;
  total: number;
  began: Transfer[];
  progress: Progress[];
  ended: number[];
}

export interface StatsEvent {
  sample: Sample;
  counts: Counts;
  load: number[];
  exporters: Exporter[];
}

export interface TransfersPage {
  at: string;
  total: number;
  truncated: boolean;
  transfers: Transfer[];
}

export type BootState = "running" | "complete" | "failed" | "unknown";

export interface Verdict {
  kind: string;
  text: string;
  advice?: string;
}

export interface Boot {
  id: string;
  machine: string;
  peer: string;
  started: string;
  last: string;
  state: BootState;
  stage?: string;
  verdict?: Verdict;
  transfers: number;
  bytes: number;
  duration_us: number;
}

export interface Stage {
  stage: string;
  path: string;
  start_us: number;
  duration_us: number;
  outcome: string;
  bytes: number;
  size?: number;
  count: number;
  blocks_resent: number;
  note?: string;
}

export interface BootDetail {
  boot: Boot;
  stages: Stage[];
  detail: unknown;
}

export interface BootsPage {
  boots: Boot[];
  next?: string;
}

export interface Machine {
  machine: string;
  mac?: string;
  known?: boolean;
  peer?: string;
  first_seen?: string;
  last_seen?: string;
  boots: number;
  last_boot?: Boot;
}

export interface MachineDetail {
  machine: Machine;
  boots: Boot[];
  transfers: Transfer[];
  records: TransferRecord[];
}

export interface MachinesPage {
  machines: Machine[];
  next?: string;
}

export interface TransferRecord {
  id: number;
  time: string;
  started: string;
  op: string;
  peer: string;
  path: string;
  outcome: string;
  bytes: number;
  size?: number | null;
  duration_us: number;
  route?: string | null;
  machine?: string | null;
  detail?: string | null;
  [member: string]: unknown;
}

export interface RecordsPage {
  records: TransferRecord[];
  kept: number;
}

export interface Cache {
  dir: string;
  max: number;
  figures: CacheStats;
  origins: Origin[];
}

export interface CacheStats {
  hits: number;
  misses: number;
  stale: number;
  asked: number;
  retried: number;
  fetched_bytes: number;
  disk_bytes: number;
  current_bytes: number;
  disk_objects: number;
  evicted: number;
  memory_bytes: number;
}

export interface Origin {
  name: string;
  address: string;
  prefetch: string[];
}

export interface PrefetchReport {
  started: boolean;
  objects: { path: string; bytes?: number; error?: string }[];
}

export interface Purged {
  objects: number;
  bytes: number;
}

export interface Configuration {
  location: string;
  files: string[];
  keys: { key: string; value?: string; help: string; place?: string; needs_restart: boolean }[];
  serves: string[];
  inventory?: Inventory;
  warnings: string[];
}

export interface Inventory {
  kind: string;
  place: string;
  editable: boolean;
}

export interface Explained {
  text: string;
  account: unknown;
}

export interface Reloaded {
  reloaded: boolean;
  lines: string[];
}

export interface Draining {
  active: number;
  limit_ms: number;
}
