"""The processes of a server: a control group of their own, or without root a process group."""

import os
import signal
import time
from pathlib import Path

from .cpu import TICK, Spent

CGROUPS = Path("/sys/fs/cgroup")


class Cgroup:
    """A control group: nothing that a server forks gets out of it or out of the count."""

    def __init__(self, place: Path, usage):
        self.place = place
        self.usage = usage

    @classmethod
    def make(cls) -> "Cgroup | None":
        name = f"bootwire-perf-{os.getpid()}"
        try:
            if (CGROUPS / "cgroup.controllers").exists():
                place, usage = CGROUPS / name, cls.usage_v2
            else:
                place, usage = CGROUPS / "cpuacct" / name, cls.usage_v1
            place.mkdir(exist_ok=True)
            group = cls(place, usage)
            group.cpu()
            return group
        except OSError:
            return None

    def join(self) -> None:
        """Puts the calling process in."""
        (self.place / "cgroup.procs").write_text(str(os.getpid()))

    def pids(self, _process) -> list[int]:
        return [int(pid) for pid in (self.place / "cgroup.procs").read_text().split()]

    def cpu(self, _process=None) -> Spent:
        """What was used since the group was made, by those that have ended too."""
        return self.usage(self.place)

    def close(self) -> None:
        self.place.rmdir()

    @staticmethod
    def usage_v1(place: Path) -> Spent:
        ticks = (place / "cpuacct.stat").read_text().split()
        total = int((place / "cpuacct.usage").read_text()) * 1e-9
        return Spent(total, int(ticks[1]) * TICK)

    @staticmethod
    def usage_v2(place: Path) -> Spent:
        fields = (place / "cpu.stat").read_text().split()
        used = dict(zip(fields[::2], fields[1::2]))
        return Spent(int(used["usage_usec"]) * 1e-6, int(used["user_usec"]) * 1e-6)


class ProcessGroup:
    """A process group: time of a child is counted once its parent has waited for it."""

    def join(self) -> None:
        os.setpgid(0, 0)

    def pids(self, process) -> list[int]:
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.getpgid(int(entry)) == process.pid:
                    found.append(int(entry))
            except ProcessLookupError:
                continue
        return found

    def cpu(self, process) -> Spent:
        user = system = 0
        for pid in self.pids(process):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
                # utime, stime, and those of children: cutime, cstime.
                user += int(fields[11]) + int(fields[13])
                system += int(fields[12]) + int(fields[14])
            except (ProcessLookupError, FileNotFoundError):
                continue
        return Spent((user + system) * TICK, user * TICK)

    def close(self) -> None:
        pass


def make() -> Cgroup | ProcessGroup:
    return Cgroup.make() or ProcessGroup()


def stop(members: Cgroup | ProcessGroup, process) -> None:
    """Ends them all: asked first, killed after two seconds."""
    end = time.monotonic() + 2
    number = signal.SIGTERM
    while True:
        for pid in members.pids(process):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
        process.poll()
        if not members.pids(process):
            return
        if time.monotonic() > end:
            number = signal.SIGKILL
