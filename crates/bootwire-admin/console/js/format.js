// Numbers and times as people read them. The same words as in the log.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/**
 * Three figures are enough: 1.23, 12.3, 123.
 *
 * @param {number} value
 */
function three(value) {
  if (value >= 99.95) return value.toFixed(0);
  return value.toFixed(value >= 9.995 ? 1 : 2);
}

/**
 * @param {number | null | undefined} value bytes
 */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : three(value)} ${UNITS[unit]}`;
}

/**
 * @param {number | null | undefined} value bytes a second
 */
export function rate(value) {
  return value === null || value === undefined ? "–" : `${bytes(value)}/s`;
}

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/**
 * A count, with its thousands apart.
 *
 * @param {number | null | undefined} value
 */
export function count(value) {
  return value === null || value === undefined ? "–" : WHOLE.format(value);
}

/**
 * `1 boot`, `2 boots`.
 *
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/**
 * @param {number | null | undefined} share between 0 and 1
 */
export function percent(share) {
  if (share === null || share === undefined || Number.isNaN(share)) return "–";
  const value = share * 100;
  if (value === 0) return "0 %";
  if (value < 0.01) return "<0.01 %";
  return `${value < 9.995 ? value.toFixed(value < 0.995 ? 2 : 1) : value.toFixed(0)} %`;
}

/**
 * @param {number | null | undefined} us microseconds
 */
export function duration(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 999_500) return `${three(us / 1000)} ms`;
  const seconds = us / 1e6;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  return `${Math.round(minutes / 1440)} days`;
}

/** @param {number} n */
const pad = (n) => String(n).padStart(2, "0");

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/**
 * A time of today as `14:03:22`, an older one with its day.
 *
 * @param {string | null | undefined} time RFC 3339
 * @param {number} [now] milliseconds
 */
export function clock(time, now = Date.now()) {
  const at = Date.parse(time ?? "");
  if (Number.isNaN(at)) return "–";
  const date = new Date(at);
  const today = new Date(now).toDateString() === date.toDateString();
  return today ? CLOCK.format(date) : `${DAY.format(date)} ${CLOCK.format(date).slice(0, 5)}`;
}

/**
 * @param {string | null | undefined} time RFC 3339
 */
export function full(time) {
  const at = Date.parse(time ?? "");
  return Number.isNaN(at) ? "not known" : FULL.format(new Date(at));
}

/**
 * `12 s ago`, `3 h ago`.
 *
 * @param {string | null | undefined} time RFC 3339
 * @param {number} [now] milliseconds
 */
export function ago(time, now = Date.now()) {
  const at = Date.parse(time ?? "");
  if (Number.isNaN(at)) return "never";
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}
