"""The seam to the engine: everything this package asks of `bootwire._engine`."""

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bootwire import _bootwire
from bootwire._answer import Refusal
from bootwire._content import Blocks, bytes_of
from bootwire._engine import FIRST_READ, FIRST_READ_STRANGER, Engine

from . import _wording

Record = _bootwire.Record
Request = _bootwire.Request

log = logging.getLogger(__name__)

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

#: A block that takes longer to come, in seconds, goes out before the next one is read.
SLOW = 0.002

#: Seconds after which the record of a transfer that is over is taken for lost.
_RECORD_LATE = 60.0


class Owner(Protocol):
    """Who answers a request: a handler."""

    #: Whether to stop reading.
    _should_stop: bool

    def _bootwire_ended(self, record: "Record | None", began: bool = True) -> None:
        """Called once, when the transfer is over and nobody reads any more."""


class Transfer:
    """What a request is answered with."""

    def __init__(self, content: Any, terms: dict[str, Any], owner: Owner) -> None:
        #: Bytes, a path, or an object of which nothing but `read(n)` is called.
        self.content = content
        #: For the engine.
        self.terms = terms
        self.owner = owner


class Channel:
    """The way back to the client of one request, open until it is answered or refused."""

    def __init__(
        self, serving: "Serving", request: Request, blksize: int, ticket: _bootwire.Ticket
    ) -> None:
        self.request = request
        self._serving = serving
        self._blksize = blksize
        self._ticket = ticket

    def send(self, transfer: Transfer) -> None:
        """Answers. Reads the first bytes; what that raises is the client's answer instead."""
        self._serving._send(self.request, transfer, self._blksize, self._ticket)

    def refuse(self, code: int, text: str, silent: bool = False) -> None:
        """Sends an ERROR; none if `silent`."""
        self._serving._answered(self.request)
        self._ticket.refuse(code, text, None, silent, None)


class _Reader(Blocks):
    """Content on its way: read as fbtftp read it, and closed by its handler."""

    closes_at_end = False

    def __init__(self, transfer: Transfer, blksize: int, over: Callable[[], None]) -> None:
        super().__init__(transfer.content, blksize)
        self._owner = transfer.owner
        self._over = over
        # What is to be raised once everything read before has gone out.
        self._failed: Refusal | None = None

    def size(self) -> int | None:
        return None

    def fill(self, want: int) -> tuple[bytes, bool]:
        """About `want` bytes, and whether they are the last. What is read before something is wrong
        goes out first."""
        if self._failed is not None:
            raise self._failed
        owner, left = self._owner, self.left
        pieces: list[bytes] = []
        total = 0
        until = time.monotonic() + SLOW
        try:
            read = self.content.read
            while total < want and not owner._should_stop:
                data = read(want if self.any else left)
                if type(data) is not bytes:
                    data = bytes_of(data, "read()")
                if owner._should_stop:
                    break
                if not data:
                    return b"".join(pieces), True
                pieces.append(data)
                total += len(data)
                left -= len(data)
                if left <= 0:
                    left = self.blksize
                    if self.any or time.monotonic() > until:
                        break
        except BaseException as error:
            if not owner._should_stop:
                log.error(_wording.UNREADABLE, exc_info=error)
                self._failed = Refusal(0, _wording.UNREADABLE)
        self.left = left
        if owner._should_stop and self._failed is None:
            self._failed = Refusal(0, silent=True)
        if self._failed is not None and not pieces:
            raise self._failed
        return b"".join(pieces), False

    def close(self) -> None:
        self._over()


class _Whole(_Reader):
    """Content that is here."""

    def fill(self, want: int) -> tuple[bytes, bool]:
        return self.content, True


class _Ending:
    """A transfer that runs: it is over when its content is let go and its record is here."""

    __slots__ = ("let_go", "on_end", "record")

    def __init__(self, on_end: Callable[[Record | None], None]) -> None:
        self.on_end = on_end
        #: When.
        self.let_go: float | None = None
        self.record: Record | None = None


def _end_all(endings: list[_Ending]) -> None:
    for ending in endings:
        ending.on_end(ending.record)


class Serving(Engine):
    """A running engine, whose requests go to `serve`."""

    def __init__(
        self,
        serve: Callable[[Channel], None],
        listener: socket.socket,
        settings: Mapping[str, Any],
    ) -> None:
        super().__init__(lambda _: None, sockets=[listener], observer=lambda _: None, **settings)
        self._serve = serve
        # Requests whose handlers have not answered, and the records of those that are over.
        self._asked: dict[int, Record | None] = {}
        self._endings: dict[int, _Ending] = {}
        self._next_sweep = 0.0
        self._endings_lock = threading.Lock()

    def stop(self, grace: float = 5.0) -> bool:
        """Ends everything now; what handlers still have to do may take `grace` seconds."""
        done = super().stop(grace)
        with self._endings_lock:
            left = list(self._endings.values())
            self._endings.clear()
        if left:
            # There is nobody else to do it, and callbacks may take their time.
            last = threading.Thread(target=_end_all, args=(left,), daemon=True)
            last.start()
            last.join(grace)
        return done and not self._endings

    def _call(self, request: Request, number: int, blksize: int, ticket: _bootwire.Ticket) -> None:
        with self._endings_lock:
            self._asked[request.id] = None
        self._serve(Channel(self, request, blksize, ticket))

    def _send(
        self, request: Request, transfer: Transfer, blksize: int, ticket: _bootwire.Ticket
    ) -> None:
        content, terms, number = transfer.content, transfer.terms, request.id
        is_file = isinstance(content, os.PathLike)
        ending = _Ending(transfer.owner._bootwire_ended)
        with self._endings_lock:
            record = self._asked.pop(number, None)
            gone = record is not None or not ticket.awaited()
            if not gone:
                self._endings[number] = ending
        if gone:
            # The client is, or began anew.
            ticket.refuse(0, None, None, True, None)
            transfer.owner._bootwire_ended(record, began=False)
            return
        try:
            if is_file:
                # Nothing tells when it is let go: its record is all that comes.
                ending.let_go = math.inf
                ticket.reply_file(os.path.abspath(content), terms)
                return
            blksize = max(8, min(blksize, terms.get("blksize_max", blksize)))
            if "blksize" in terms.get("without", ()):
                blksize = 512
            kind = _Whole if isinstance(content, bytes) else _Reader
            reader = kind(transfer, blksize, lambda: self._let_go(number))
            data, end = reader.fill(FIRST_READ if request.proven else FIRST_READ_STRANGER)
            ticket.reply(data, end, reader, None, terms)
        except BaseException as error:
            refusal = error if isinstance(error, Refusal) else Refusal(0, _wording.FAILED)
            ticket.refuse(refusal.code, refusal.text, None, refusal.silent, None)
            self._let_go(number)
            if refusal is not error:
                raise

    def _let_go(self, number: int) -> None:
        """The content is not needed any more."""
        now = time.monotonic()
        over: list[_Ending] = []
        with self._endings_lock:
            ending = self._endings.get(number)
            if ending is not None:
                ending.let_go = now
                if ending.record is not None:
                    over.append(self._endings.pop(number))
            if now >= self._next_sweep:
                self._next_sweep = now + _RECORD_LATE / 2
                late = [
                    number
                    for number, ending in self._endings.items()
                    if ending.let_go is not None and ending.let_go < now - _RECORD_LATE
                ]
                over += [self._endings.pop(number) for number in late]
        for ending in over:
            ending.on_end(ending.record)

    def _answered(self, request: Request) -> None:
        """A request was refused: nobody waits for its record."""
        with self._endings_lock:
            self._asked.pop(request.id, None)

    def _observe(self, record: Record) -> None:
        with self._endings_lock:
            ending = self._endings.get(record.id)
            if ending is None:
                if record.id in self._asked:
                    self._asked[record.id] = record
                return
            ending.record = record
            if ending.let_go is None:
                return
            del self._endings[record.id]
        ending.on_end(record)
