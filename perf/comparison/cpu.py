"""What the kernel says about processors and processes."""

import os
import time
from dataclasses import dataclass

TICK = 1 / os.sysconf("SC_CLK_TCK")


def busy_seconds(core: int) -> float:
    """Processor time a core has spent on anything, softirq included, since boot.

    Counted from what it was idle: without a tick in idle the kernel measures idle time exactly,
    while user, system and softirq are samples. Time stolen by a hypervisor is not counted.
    """
    with open("/proc/stat") as stat:
        now = time.monotonic()
        for line in stat:
            if line.startswith(f"cpu{core} "):
                ticks = [int(field) for field in line.split()[1:]]
                idle, iowait, steal = ticks[3], ticks[4], ticks[7]
                return now - (idle + iowait + steal) * TICK
    raise LookupError(f"no core {core}")


@dataclass
class Spent:
    """Processor time of some processes, in seconds."""

    total: float
    # In their own code. The kernel divides it by samples, so it is only good for long runs.
    user: float

    def since(self, before: "Spent") -> "Spent":
        return Spent(self.total - before.total, self.user - before.user)


@dataclass
class Memory:
    """What some processes hold."""

    processes: int = 0
    # Sum of the peaks of resident memory, pages shared by several counted several times.
    rss: int = 0
    # Memory of their own now: anonymous, a page shared by n counted n times 1/n.
    anonymous: int = 0


def memory(pids: list[int]) -> Memory:
    found = Memory(processes=len(pids))
    for pid in pids:
        try:
            found.rss += kibibytes(f"/proc/{pid}/status", "VmHWM:")
            found.anonymous += kibibytes(f"/proc/{pid}/smaps_rollup", "Pss_Anon:")
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


def kibibytes(path: str, name: str) -> int:
    """A value of a /proc file in bytes; 0 where there is none (a process that just ended)."""
    with open(path) as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def available_memory() -> int:
    return kibibytes("/proc/meminfo", "MemAvailable:")
