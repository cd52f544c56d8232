// What needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nice } from "../js/chart.js";
import { bytes, clock, count, duration, percent } from "../js/format.js";
import { link, parse } from "../js/router.js";
import { Parser } from "../js/stream.js";

test("numbers have three figures", () => {
  assert.deepEqual([0, 999, 1000, 1234, 99_949, 999_499, 999_500, 1e9, 2e15].map(bytes), ["0 B", "999 B", "1.00 kB", "1.23 kB", "99.9 kB", "999 kB", "1.00 MB", "1.00 GB", "2.00 PB"]);
  assert.equal(bytes(undefined), "–");
  assert.deepEqual([0, 999, 1500, 999_600, 59_900_000, 59_960_000, 3_600_000_000].map(duration), ["0 µs", "999 µs", "1.50 ms", "1.0 s", "59.9 s", "1 min 00 s", "1 h 00 min"]);
  assert.deepEqual([0, 0.00001, 0.0042, 0.05, 0.43, 1].map(percent), ["0 %", "<0.01 %", "0.42 %", "5.0 %", "43 %", "100 %"]);
  assert.equal(count(1234567), "1,234,567");
  assert.equal(clock("rubbish"), "–");
  assert.deepEqual([0, 0.7, 1.2, 2.24e9, 9.1].map(nice), [1, 0.8, 1.5, 3e9, 10]);
});

test("addresses carry any name", () => {
  for (const name of ["52:54:00:00:00:05", "a/b", "50 %", "ü#?&", "../x", "%"]) {
    assert.deepEqual(parse(link("machines", name, { q: name })).rest, [name]);
    assert.equal(parse(link("machines", { q: name })).query.get("q"), name);
  }
  assert.deepEqual(parse("#/boots/%").rest, ["%"], "typed by hand");
  assert.equal(parse("").name, "");
});

test("events come in any pieces", () => {
  const stream = ": hi\r\n\r\nevent: stats\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nid: 7\ndata: x\n\nevent: lonely\n\ndata\n\n";
  for (let size = 1; size < stream.length; size += 1) {
    const found = [];
    const parser = new Parser((event, data) => found.push([event, data]));
    for (let at = 0; at < stream.length; at += size) parser.push(stream.slice(at, at + size));
    assert.deepEqual(found, [["stats", '{"a":\n1}'], ["message", "x"], ["message", ""]]);
  }
  assert.throws(() => new Parser(() => {}).push("x".repeat(9 << 20)), /no event stream/);
});
