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
class Group:
    """The processes of a process group, and what they used."""

    processes: int = 0
    cpu: float = 0.0
    # Sum of the peaks of resident memory, pages shared by several counted several times.
    rss: int = 0
    # Memory of their own now: anonymous, a page shared by n counted n times 1/n.
    anonymous: int = 0


def group(pgid: int, memory: bool = True) -> Group:
    """The process group as it is now. Children that have been waited for are in its time."""
    found = Group()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if os.getpgid(int(entry)) != pgid:
                continue
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            found.processes += 1
            found.cpu += sum(int(field) for field in fields[11:15]) * TICK
            if memory:
                found.rss += kibibytes(f"/proc/{entry}/status", "VmHWM:")
                found.anonymous += kibibytes(f"/proc/{entry}/smaps_rollup", "Pss_Anon:")
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
