"""The clients: perf-load, or `bootwire bench`."""

import json
import os
import subprocess

from .places import BOOTWIRE, built
from .rows import Row
from .servers import Server


class LoadFailed(Exception):
    """The load generator itself did not work."""


def own(server: Server, row: Row, clients: int, seconds: int, once: bool) -> list[str]:
    return [str(built("perf-load")), "--server", server.endpoint, "--name", row.file,
            "--content", row.path, "--clients", str(clients), "--blksize", str(row.blksize),
            "--windowsize", str(row.windowsize), "--once", str(int(once)),
            "--seconds", str(seconds)]


def read_own(output: dict) -> dict:
    return output


GENERATORS = {"perf-load": (own, read_own)}


def start(generator: str, server: Server, row: Row, *, clients: int, seconds: int, once: bool,
          core: int) -> subprocess.Popen:
    command = GENERATORS[generator][0](server, row, clients, seconds, once)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, {core}))


def finish(generator: str, process: subprocess.Popen) -> dict:
    """What the clients saw: seconds, transfers, failed, failures, blocks, bytes."""
    out, errors = process.communicate()
    try:
        return GENERATORS[generator][1](json.loads(out))
    except (ValueError, KeyError) as error:
        raise LoadFailed(f"{error}: {out[-200:]} {errors[-400:]}") from error
