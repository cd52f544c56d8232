"""What stands between a handler and the engine: how far one request has come."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import _wording, constants

if TYPE_CHECKING:
    from ._engine import Channel, Record, Transfer


class Conversation:
    """One request, from its handler's first word to the end of its transfer.

    The client is told one thing: an answer, an error, or nothing. Whoever comes first decides.
    """

    def __init__(self, channel: "Channel | None") -> None:
        self.started = False
        #: Whether the statistics callback was called and the content closed.
        self.closed = False
        #: Whether the server, or `run()`, has called `_close()`.
        self.finished = False
        #: Whether the content is closed.
        self.released = False
        #: Timeout and retries, as the server said.
        self.patience: tuple[int, int] = (0, 0)
        #: Texts of exceptions, and what clients are told instead.
        self.wording: dict[str, str] = {}
        self.record: Record | None = None
        #: Whether there was a transfer, now that it is over.
        self.began = False
        #: Whether there was a transfer, or was to be one, and it has ended.
        self.over = False
        self._channel = channel
        self._told: Callable[[Channel], None] | None = None
        self._answered = False
        self._lock = threading.Lock()
        #: Set at the end, if a thread of the handler's own waits for it.
        self._ended: threading.Event | None = None
        self._unattended = True

    @property
    def channel(self) -> "Channel | None":
        """The way to the client, if a server has asked."""
        return self._channel

    @property
    def is_open(self) -> bool:
        """Whether the client was told nothing yet."""
        return self._told is None

    @property
    def is_running(self) -> bool:
        """Whether blocks may be moving."""
        return self._answered and not self.over

    def attach(self, channel: "Channel") -> None:
        """A server has asked. What was to be told is told now."""
        with self._lock:
            self._channel = channel
            told = self._told
        if told is not None:
            told(channel)
            self._told = _said

    def hold(self) -> None:
        """A thread of the handler's own sees to the end of the transfer."""
        with self._lock:
            if self._ended is None:
                self._ended = threading.Event()
                self._unattended = False
            if self.over:
                self._ended.set()

    def answer(self, transfer: "Transfer") -> None:
        """Starts the transfer, unless the client was told something else already."""
        self._tell(lambda channel: channel.send(transfer), True)

    def refuse(self, code: int, message: str) -> None:
        """The client gets an ERROR, unless it was told something already."""
        known = code if 0 <= code <= constants.ERR_INVALID_OPTIONS else constants.ERR_UNDEFINED
        text = self.wording.get(message, message)
        self._tell(lambda channel: channel.refuse(known, text))

    def drop(self) -> None:
        """The client gets no answer, unless it was told something already."""
        self._tell(lambda channel: channel.refuse(constants.ERR_UNDEFINED, "", silent=True))

    def fail(self) -> None:
        """The client hears that the server failed, unless it was told something already."""
        self.refuse(constants.ERR_UNDEFINED, _wording.FAILED)

    def end(self, record: "Record | None") -> bool:
        """The transfer is over, says the engine. True if no thread waits to hear that."""
        with self._lock:
            self.record = record
            self.over = True
            if self._ended is not None:
                self._ended.set()
            return self._unattended

    def wait(self, seconds: float | None) -> bool:
        """Waits for the end of the transfer. True if it is over, or there is none."""
        self.hold()
        assert self._ended is not None
        return not self.is_running or self._ended.wait(seconds)

    def finishes(self) -> bool:
        """Whether the handler is to be closed now: once, whoever asks."""
        with self._lock:
            first = not (self.closed or self.finished)
            self.finished = True
            return first

    def leave(self) -> bool:
        """The handler's thread is gone. True if the transfer goes on without it."""
        with self._lock:
            self._unattended = True
            return self.is_running

    def _tell(self, tell: "Callable[[Channel], None]", answered: bool = False) -> None:
        with self._lock:
            if self._told is not None:
                return
            self._told = tell
            self._answered = answered
            channel = self._channel
        if channel is not None:
            tell(channel)
            # What was told holds the handler, which holds this.
            self._told = _said


def _said(_: "Channel") -> None:
    """Stands for what was told already."""


class _Current(threading.local):
    """What this thread answers."""

    channel: "Channel | None" = None
    conversations: list[Conversation]


_current = _Current()


def begin() -> Conversation:
    """The conversation of a handler that is being made."""
    conversation = Conversation(_current.channel)
    if conversation.channel is not None:
        _current.conversations.append(conversation)
    return conversation


class answering:
    """While a request is answered: handlers made meanwhile, by this thread, are made for it."""

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel

    def __enter__(self) -> list[Conversation]:
        _current.channel = self._channel
        _current.conversations = []
        return _current.conversations

    def __exit__(self, *_: object) -> None:
        _current.channel = None
        _current.conversations = []
