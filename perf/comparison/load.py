"""The clients: `bootwire bench`, every byte compared."""

import json
import os
import subprocess

from .places import BOOTWIRE
from .rows import Row
from .servers import Server

# Each client has an address of its own, as machines do: a server may bound what one address gets.
ADDRESSES = "127.1.0.0/16"


class LoadFailed(Exception):
    """The load generator itself did not work."""


def start(server: Server, row: Row, *, clients: int, seconds: int, once: bool,
          core: int) -> subprocess.Popen:
    """Starts the row's clients, which read for so many seconds or, with `once`, one file each."""
    options = ["--blksize", str(row.blksize), "--windowsize", str(row.windowsize)]
    if (row.blksize, row.windowsize) == (512, 1):
        options = ["--no-options"]
    if row.gro:
        options.append("--gro")
    command = [
        str(BOOTWIRE), "bench", f"tftp://{server.endpoint}/{row.file}", "--expect", row.path,
        "--clients", str(clients), *options, *(["--rounds", "1"] if once else []),
        "--duration", str(seconds), "--source", ADDRESSES, "--json", "--quiet",
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, {core}))


def finish(process: subprocess.Popen, once: bool) -> dict:
    """What the clients saw: seconds, transfers, failed, failures, blocks, bytes; all of it under
    `bench`."""
    out, errors = process.communicate()
    try:
        bench = json.loads(out)
        if not bench["verified"]:
            raise LoadFailed("the content was not compared")
        failures = {kind: found["count"] for kind, found in bench["failures"].items()}
        if once and bench["unfinished"]:
            # Who was still waiting when it was cut off has failed.
            failures["unfinished"] = bench["unfinished"]
        return {
            "seconds": bench["seconds"],
            "transfers": bench["completed"],
            "failed": sum(failures.values()),
            "failures": failures,
            "blocks": bench["blocks"],
            "bytes": bench["bytes"],
            "bench": bench,
        }
    except (ValueError, KeyError) as error:
        raise LoadFailed(f"{error}: {out[-200:]} {errors[-400:]}") from error
