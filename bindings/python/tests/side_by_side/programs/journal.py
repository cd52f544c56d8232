"""Notes what a server program is asked to do, in order, for whoever compares two servers.

fbtftp runs each transfer in a process of its own: all of them append whole lines to one file.
"""

from __future__ import annotations

import json
import os
import sys

_file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def note(path: str, call: str, *values: object) -> None:
    """Says that `call` happened to the transfer of `path`, or to the server if `path` is empty."""
    line = json.dumps([path, call, *values], default=repr)
    os.write(_file, line.encode() + b"\n")


def note_stats(stats) -> None:
    """Notes every field of a `SessionStats`, as its users read them."""
    assert stats.duration() >= 0
    assert stats.start_time > 1e9
    fields = {
        "peer": list(stats.peer),
        "server_addr": list(stats.server_addr),
        "error": dict(stats.error),
        "options": dict(stats.options),
        "options_in": getattr(stats, "options_in", {}),
        "options_acked": getattr(stats, "options_acked", {}),
        "packets_sent": stats.packets_sent,
        "packets_acked": stats.packets_acked,
        "bytes_sent": stats.bytes_sent,
        "retransmits": stats.retransmits,
        "blksize": stats.blksize,
    }
    note(stats.file_path, "callback", fields)
