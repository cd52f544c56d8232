"""One run: a server on one core, clients on the other, what it cost."""

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

from . import cpu, load, probe
from .places import LOGS
from .rows import Row
from .servers import Server

# Below this much free memory a server is stopped before the machine suffers.
RESERVE = 2 << 30


@dataclass(frozen=True)
class Bench:
    """How runs are made."""

    seconds: int
    server_core: int = 0
    load_core: int = 1


class CannotRun(Exception):
    """A server cannot run a row; says why."""


@contextmanager
def running(server: Server, row: Row, bench: Bench):
    """The server, up; its process group is stopped at the end."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / f"{server.name}.log", "w") as log:
        process = subprocess.Popen(
            server.command, env=os.environ | server.env, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, process_group=0,
            preexec_fn=lambda: os.sched_setaffinity(0, {bench.server_core}),
        )
    try:
        if not probe.wait_until_up(server, row, 10):
            raise CannotRun(f"did not come up; see {server.name}.log")
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(2 if number == signal.SIGTERM else 30)
        except subprocess.TimeoutExpired:
            continue
    # Children may outlive the parent for a moment; the port must be free for the next server.
    end = time.monotonic() + 10
    while cpu.group(process.pid, memory=False).processes and time.monotonic() < end:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            break
        time.sleep(0.1)


class Watch(threading.Thread):
    """Samples the memory of a process group, rarely enough not to disturb the clients' core."""

    def __init__(self, pgid: int):
        super().__init__(daemon=True)
        self.pgid = pgid
        self.peak = cpu.Group()
        self.starved = False
        self.done = threading.Event()

    def run(self) -> None:
        pause = 0.2
        while not self.done.wait(pause):
            before = time.thread_time()
            self.sample()
            pause = max(0.2, 20 * (time.thread_time() - before))

    def sample(self) -> None:
        now = cpu.group(self.pgid)
        for name in ("processes", "rss", "anonymous"):
            setattr(self.peak, name, max(getattr(self.peak, name), getattr(now, name)))
        if cpu.available_memory() < RESERVE:
            self.starved = True
            os.killpg(self.pgid, signal.SIGKILL)


def check(server: Server, row: Row, bench: Bench) -> None:
    """One transfer, byte for byte."""
    clients = load.start(server, row, clients=1, seconds=60, once=True, core=bench.load_core)
    seen = load.finish(clients, once=True)
    if seen["transfers"] != 1 or seen["failed"]:
        raise CannotRun(f"the check failed: {seen['failures']}")


def measure(server: Server, row: Row, bench: Bench) -> dict:
    """One run of a row; raises CannotRun."""
    with running(server, row, bench) as process:
        if reason := probe.refusal(server, row):
            raise CannotRun(reason)
        check(server, row, bench)
        time.sleep(0.3)
        idle_from, at = cpu.busy_seconds(bench.server_core), time.monotonic()
        time.sleep(1)
        idle = (cpu.busy_seconds(bench.server_core) - idle_from) / (time.monotonic() - at)

        watch = Watch(process.pid)
        watch.start()
        process_before = cpu.group(process.pid, memory=False).cpu
        load_before = cpu.busy_seconds(bench.load_core)
        before, at = cpu.busy_seconds(bench.server_core), time.monotonic()
        clients = load.start(
            server, row, clients=row.clients, once=row.once,
            seconds=row.limit if row.once else bench.seconds, core=bench.load_core)
        seen = load.finish(clients, row.once)
        wall = time.monotonic() - at
        busy = cpu.busy_seconds(bench.server_core) - before
        load_busy = cpu.busy_seconds(bench.load_core) - load_before
        process_time = cpu.group(process.pid, memory=False).cpu - process_before
        watch.done.set()
        watch.join()
        watch.sample()
        if watch.starved:
            raise CannotRun("took all memory of the machine")
        if process.poll() is not None:
            raise CannotRun(f"ended with {process.returncode} under the load")
    return costs(seen, wall, busy, idle, process_time) | {
        "load_core_busy": load_busy / wall,
        "peak_rss": watch.peak.rss,
        "peak_anonymous": watch.peak.anonymous,
        "peak_processes": watch.peak.processes,
    }


def costs(seen: dict, wall: float, busy: float, idle: float, process_time: float) -> dict:
    blocks, transfers, seconds = seen["blocks"], seen["transfers"], seen["seconds"]
    if not blocks:
        raise CannotRun(f"moved nothing: {seen['failures']}")
    core = max(busy - idle * wall, 0)
    return {
        "seen": seen,
        "wall": wall,
        "idle_share": idle,
        # Others were at work on the server's core: its total says nothing.
        "disturbed": idle > 0.05,
        "core_seconds": core,
        "process_seconds": process_time,
        "core_us_per_block": core / blocks * 1e6,
        "process_us_per_block": process_time / blocks * 1e6,
        "core_us_per_transfer": core / transfers * 1e6 if transfers else None,
        "goodput_mib": seen["bytes"] / seconds / (1 << 20),
        "blocks_per_second": blocks / seconds,
        "transfers_per_second": transfers / seconds,
        "failed": seen["failed"],
    }
