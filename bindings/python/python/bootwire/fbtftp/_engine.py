"""The seam to the engine: everything this package asks of `bootwire._bootwire`."""

import socket
from collections.abc import Callable, Mapping
from typing import Any

from bootwire import _bootwire

Answer = _bootwire.Answer
Record = _bootwire.Record
Request = _bootwire.Request
Refusal = _bootwire.Refusal

#: Options that the engine can grant.
OPTIONS = (
    "blksize",
    "blksize2",
    "timeout",
    "utimeout",
    "tsize",
    "windowsize",
    "rollover",
    "msftwindow",
)

#: Seconds a handler may take: fbtftp's had no limit, and no client waits longer.
DEADLINE = 3600.0


def refusal(code: int, text: str) -> Exception:
    """What tells a client `code` and `text` when it is raised."""
    return Refusal(code, text)


def silence() -> Exception:
    """What tells a client nothing when it is raised."""
    return Refusal(0, "", silent=True)


def cancel(request: Request, code: int | None, text: str) -> None:
    """Ends a running transfer."""
    request.cancel(code, text)


class Serving:
    """A running engine."""

    def __init__(
        self,
        handler: Callable[[Request], Answer],
        listener: socket.socket,
        settings: Mapping[str, Any],
    ) -> None:
        self._engine = _bootwire.Engine(handler, sockets=[listener.fileno()], **settings)
        self._engine.start()

    def drain(self, seconds: float) -> None:
        """Lets what runs come to its end, for so long; then as `stop`."""
        self._engine.drain(seconds)

    def stop(self) -> None:
        """Ends everything now."""
        self._engine.stop()
