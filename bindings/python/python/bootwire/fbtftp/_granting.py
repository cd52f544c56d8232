"""What a handler has decided, as the engine wants it said."""

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from . import _engine
from ._content import simplest

if TYPE_CHECKING:
    from .base_handler import BaseHandler

log = logging.getLogger(__name__)

_BLKSIZE = range(8, 65465)
_TIMEOUT = range(1, 256)

# Overridden, they are called from a thread of the handler's own.
_IN_THREAD = ("run", "run_once", "on_new_data", "_transmit_oack", "_transmit_data")
# Overridden, they are called less than fbtftp called them.
_SELDOM = {
    "_handle_ack": "never",
    "_handle_timeout": "never",
    "_transmit_oack": "once for each transfer",
    "_transmit_data": "once for each transfer",
}

# What was found out about classes: whether their handlers need a thread, and have their own way
# of reading.
_known: dict[type, bool] = {}
_by_block: dict[type, bool] = {}


def needs_thread(kind: "type[BaseHandler]") -> bool:
    """Whether handlers of this class need a thread of their own. Looks at a class once."""
    needs = _known.get(kind)
    if needs is None:
        for name, how_often in _SELDOM.items():
            if _overrides(kind, name):
                log.warning(
                    "%s.%s() is called %s: the engine does that", kind.__name__, name, how_often
                )
        needs = any(_overrides(kind, name) for name in _IN_THREAD)
        _known[kind] = needs
    return needs


def _overrides(kind: "type[BaseHandler]", name: str) -> bool:
    from .base_handler import BaseHandler

    return getattr(kind, name) is not getattr(BaseHandler, name)


def granted(asked: dict[str, Any]) -> OrderedDict[str, Any]:
    """The options of the client that can be granted, in its order."""
    options: OrderedDict[str, Any] = OrderedDict()
    for name, value in asked.items():
        if name not in _engine.OPTIONS:
            continue
        if name == "blksize":
            size = _number(value)
            if size is None or size < _BLKSIZE.start:
                continue
            value = str(min(size, _BLKSIZE[-1]))
        elif name == "timeout" and _number(value) not in _TIMEOUT:
            continue
        options[name] = value
    return options


def transfer(handler: "BaseHandler") -> _engine.Transfer:
    """What the engine is to do for a handler that is ready."""
    data = handler._response_data
    assert data is not None
    kind = type(handler)
    by_block = _by_block.get(kind)
    if by_block is None:
        by_block = _by_block[kind] = _overrides(kind, "_next_block")
    if by_block or handler._current_block is not None:
        content: Any = Blocks(handler)
        encoded = True
    else:
        content, encoded = simplest(data)
    channel = handler._bootwire.channel
    asked = channel.request.options if channel is not None else []
    options = handler._options
    terms: dict[str, Any] = {"kind": "fbtftp"}
    refused = [
        name
        for name, value in asked
        if name in _engine.OPTIONS
        and (name not in options or (name in _AS_ASKED and str(options[name]) != value))
    ]
    if refused:
        terms["without"] = refused
    for name, term in (("blksize", "blksize_max"), ("windowsize", "windowsize_max")):
        most = _number(options.get(name))
        if most is not None:
            terms[term] = min(most, 65535)
    size = _number(options.get("tsize"))
    if encoded:
        terms["as_is"] = True
        if size is not None and size < 1 << 64:
            terms["told_size"] = size
    timeout = handler._timeout
    if timeout > 0 and timeout != handler._bootwire.patience[0] and "timeout" not in options:
        terms["resend_min"] = float(timeout)
    return _engine.Transfer(content, terms, handler)


# Options that may be granted as they were asked, and not otherwise.
_AS_ASKED = ("timeout", "utimeout", "rollover", "msftwindow")


def patience(timeout: int, retries: int) -> int:
    """Seconds of silence after which fbtftp gave a client up."""
    return max(timeout, 1) * (max(retries, 0) + 2)


def _number(value: Any) -> int | None:
    text = str(value)
    # Python refuses to read what is much longer.
    return int(text) if len(text) < 40 and text.isascii() and text.isdigit() else None


class Blocks:
    """Content that goes through a handler's `_next_block()`, block by block."""

    def __init__(self, handler: "BaseHandler") -> None:
        self._handler = handler
        self._left = handler._current_block
        self._ended = False
        handler._current_block = None

    def read(self, n: int) -> bytes:
        """The next bytes of the block at hand, or of the next one."""
        if not self._left and not self._ended:
            self._left = self._block()
        block = self._left or b""
        self._left = block[n:]
        return block[:n]

    def _block(self) -> bytes:
        handler = self._handler
        handler._next_block()
        if handler._should_stop:
            raise OSError(handler._stats.error.get("error_message", "the handler has stopped"))
        block = bytes(handler._current_block or b"")
        self._ended = len(block) < handler._block_size
        handler._current_block = None
        return block
