"""What stands between a handler and the engine: how far one request has come."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import _engine, _wording, constants

if TYPE_CHECKING:
    from ._engine import Answer, Record, Request

log = logging.getLogger(__name__)


class Conversation:
    """One request, from its handler's first word to the end of its transfer.

    A handler is answered in the thread that made it, or by its `run()` in a thread of its own. The
    server waits in `outcome` until there is something to tell the client.
    """

    def __init__(self, request: "Request | None") -> None:
        self.request = request
        self.started = False
        #: Whether the statistics callback was called and the content closed.
        self.closed = False
        #: Whether the server, or `run()`, has called `_close()`.
        self.finished = False
        #: Whether the content is closed.
        self.released = False
        #: Timeout and retries, as the server said.
        self.patience: tuple[int, int] = (0, 0)
        #: Whether nobody of Python waits for the end: the engine's call does what is left.
        self.unattended = True
        #: Texts of exceptions, and what clients are told instead.
        self.wording: dict[str, str] = {}
        self.record: Record | None = None
        self.over = False
        self._answer: Answer | None = None
        self._refusal: BaseException | None = None
        self._done = False
        self._lock = threading.Lock()
        self._settled: threading.Event | None = None
        self._ended: threading.Event | None = None
        self._on_end: Callable[[], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the client was told nothing yet."""
        return not self._done

    @property
    def is_running(self) -> bool:
        """Whether blocks may be moving."""
        return self._answer is not None and not self.over

    def hold(self) -> None:
        """From now on another thread answers: `outcome` waits for it."""
        self._settled = threading.Event()
        self._ended = threading.Event()
        self.unattended = False

    def answer(self, answer: "Answer") -> bool:
        """Gives the engine its answer. False if the client was told something else already."""
        with self._lock:
            if self._done:
                return False
            self._done = True
            self._answer = answer
        self._tell()
        return True

    def refuse(self, code: int, message: str) -> None:
        """The client gets an ERROR, unless it was told something already."""
        text = self.wording.get(message, message)
        with self._lock:
            if not self._done:
                self._done = True
                self._refusal = _engine.refusal(_known(code), text)
        self._tell()

    def drop(self) -> None:
        """The client gets no answer, unless it was told something already."""
        with self._lock:
            if not self._done:
                self._done = True
                self._refusal = _engine.silence()
        self._tell()

    def fail(self) -> None:
        """The client hears that the server failed, unless it was told something already."""
        self.refuse(constants.ERR_UNDEFINED, _wording.FAILED)

    def cancel(self, code: int | None = None, message: str = "") -> None:
        """Ends the transfer: with an ERROR if there is a code."""
        if not self.is_running or self.request is None:
            return
        text = self.wording.get(message, message)
        _engine.cancel(self.request, None if code is None else _known(code), text)

    def outcome(self) -> "Answer":
        """The answer, or the refusal as an exception. Waits for it if another thread answers."""
        if self._settled is not None:
            self._settled.wait()
        if self._answer is not None:
            return self._answer
        if self._refusal is None:
            self.drop()
        assert self._refusal is not None
        raise self._refusal

    def end(self, record: "Record | None", finish: Callable[[], None]) -> None:
        """The transfer is over, says the engine. Calls `finish`, unless a thread waits for it."""
        with self._lock:
            self.record = record
            self.over = True
            unattended = self.unattended
        if self._ended is not None:
            self._ended.set()
        if unattended:
            finish()

    def wait(self, seconds: float | None) -> bool:
        """Waits for the end of the transfer. True if it is over, or there is none."""
        if self.over or self._answer is None or self._ended is None:
            return True
        return self._ended.wait(seconds)

    def leave(self) -> bool:
        """The thread that answered is gone. True if the transfer goes on without it."""
        with self._lock:
            self.unattended = True
            return self._answer is not None and not self.over

    def _tell(self) -> None:
        if self._settled is not None:
            self._settled.set()


def _known(code: int) -> int:
    """The code, if there is such a one."""
    return code if 0 <= code <= constants.ERR_INVALID_OPTIONS else constants.ERR_UNDEFINED


class _Current(threading.local):
    """What this thread answers."""

    request: "Request | None" = None
    conversations: list[Conversation]


_current = _Current()


def begin() -> Conversation:
    """The conversation of a handler that is being made."""
    conversation = Conversation(_current.request)
    if conversation.request is not None:
        _current.conversations.append(conversation)
    return conversation


class answering:
    """While a request is answered: handlers made meanwhile, by this thread, are made for it."""

    def __init__(self, request: "Request") -> None:
        self._request = request

    def __enter__(self) -> list[Conversation]:
        _current.request = self._request
        _current.conversations = []
        return _current.conversations

    def __exit__(self, *_: object) -> None:
        _current.request = None
        _current.conversations = []
