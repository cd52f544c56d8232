"""Runs the tests, several classes at a time: python bindings/python/tests [NAME...]

Most of them wait for timers and answers, not for a core. With names, runs what has one of them in its own, and
nothing that has one which is given with a `!` before it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import unittest
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).parent
AT_A_TIME = int(os.environ.get("AT_A_TIME", "8"))


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def run(name: str, tests: list[str]) -> tuple[str, int, float, int, str]:
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "unittest", *tests],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=HERE,
    )
    skipped = sum(int(number) for number in re.findall(r"skipped=(\d+)", done.stdout))
    return name, done.returncode, time.monotonic() - begin, skipped, done.stdout


def main(names: list[str]) -> int:
    # A shell lets what it runs in the background ignore Ctrl-C, and programs inherit that: those of the tests
    # are sent one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    found = unittest.defaultTestLoader.discover(str(HERE), top_level_dir=str(HERE))
    classes: dict[str, list[str]] = {}
    wanted = [name for name in names if not name.startswith("!")]
    unwanted = [name[1:] for name in names if name.startswith("!")]
    for case in cases(found):
        if any(name in case.id() for name in unwanted):
            continue
        if not wanted or any(name in case.id() for name in wanted):
            classes.setdefault(case.id().rpartition(".")[0], []).append(case.id())
    if not classes:
        print("no test has such a name")
        return 1
    count = sum(len(tests) for tests in classes.values())
    failed = []
    all_skipped = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        # The long ones first: who has most tests, mostly.
        ordered = sorted(classes.items(), key=lambda one: -len(one[1]))
        for done in as_completed(pool.submit(run, name, tests) for name, tests in ordered):
            name, code, seconds, skipped, output = done.result()
            all_skipped += skipped
            print(
                f"{'FAILED' if code else 'ok':6} {seconds:5.1f} s {len(classes[name]):4} {name}",
                flush=True,
            )
            if code:
                failed.append(name)
                print(output, flush=True)
    print(
        f"{count} tests in {len(classes)} classes, {all_skipped} skipped, failed: {', '.join(failed) or 'none'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
