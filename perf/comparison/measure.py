"""One run: a server on one core, clients on the other, what it cost."""

import os
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

from . import cpu, load, members, probe
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
    """The server, up, and the group its processes are in; all are stopped at the end."""
    LOGS.mkdir(parents=True, exist_ok=True)
    group = members.make()

    def prepare() -> None:
        group.join()
        os.sched_setaffinity(0, {bench.server_core})

    with open(LOGS / f"{server.name}.log", "w") as log:
        process = subprocess.Popen(
            server.command, env=os.environ | server.env, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, preexec_fn=prepare,
        )
    try:
        if not probe.wait_until_up(server, row, 10):
            raise CannotRun(f"did not come up; see {server.name}.log")
        yield process, group
    finally:
        members.stop(group, process)
        group.close()


class Watch(threading.Thread):
    """Samples the memory of a server, rarely enough not to disturb the clients' core."""

    def __init__(self, group, process: subprocess.Popen):
        super().__init__(daemon=True)
        self.group = group
        self.process = process
        self.peak = cpu.Memory()
        self.starved = False
        self.done = threading.Event()

    def run(self) -> None:
        pause = 0.2
        while not self.done.wait(pause):
            before = time.thread_time()
            self.sample()
            pause = max(0.2, 20 * (time.thread_time() - before))

    def sample(self) -> None:
        now = cpu.memory(self.group.pids(self.process))
        for name in ("processes", "rss", "anonymous"):
            setattr(self.peak, name, max(getattr(self.peak, name), getattr(now, name)))
        if cpu.available_memory() < RESERVE:
            self.starved = True
            members.stop(self.group, self.process)


def check(server: Server, row: Row, bench: Bench) -> None:
    """One transfer, byte for byte."""
    clients = load.start(server, row, clients=1, seconds=60, once=True, core=bench.load_core)
    seen = load.finish(clients, once=True)
    if seen["transfers"] != 1 or seen["failed"]:
        raise CannotRun(f"the check failed: {seen['failures']}")


def measure(server: Server, row: Row, bench: Bench) -> dict:
    """One run of a row; raises CannotRun."""
    with running(server, row, bench) as (process, group):
        if reason := probe.refusal(server, row):
            raise CannotRun(reason)
        check(server, row, bench)
        time.sleep(0.3)
        idle_from, at = cpu.busy_seconds(bench.server_core), time.monotonic()
        time.sleep(1)
        idle = (cpu.busy_seconds(bench.server_core) - idle_from) / (time.monotonic() - at)

        watch = Watch(group, process)
        watch.start()
        process_before = group.cpu(process)
        load_before = cpu.busy_seconds(bench.load_core)
        before, at = cpu.busy_seconds(bench.server_core), time.monotonic()
        clients = load.start(
            server, row, clients=row.clients, once=row.once,
            seconds=row.limit if row.once else bench.seconds, core=bench.load_core)
        seen = load.finish(clients, row.once)
        wall = time.monotonic() - at
        busy = cpu.busy_seconds(bench.server_core) - before
        load_busy = cpu.busy_seconds(bench.load_core) - load_before
        spent = group.cpu(process).since(process_before)
        watch.done.set()
        watch.join()
        watch.sample()
        if watch.starved:
            raise CannotRun("took all memory of the machine")
        if process.poll() is not None:
            raise CannotRun(f"ended with {process.returncode} under the load")
    return costs(seen, wall, busy, idle, spent) | {
        "load_core_busy": load_busy / wall,
        "peak_rss": watch.peak.rss,
        "peak_anonymous": watch.peak.anonymous,
        "peak_processes": watch.peak.processes,
    }


def costs(seen: dict, wall: float, busy: float, idle: float, spent: cpu.Spent) -> dict:
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
        "process_seconds": spent.total,
        "own_seconds": spent.user,
        "core_us_per_block": core / blocks * 1e6,
        "process_us_per_block": spent.total / blocks * 1e6,
        "own_us_per_block": spent.user / blocks * 1e6,
        "core_us_per_transfer": core / transfers * 1e6 if transfers else None,
        "goodput_mib": seen["bytes"] / seconds / (1 << 20),
        "blocks_per_second": blocks / seconds,
        "transfers_per_second": transfers / seconds,
        "failed": seen["failed"],
    }
