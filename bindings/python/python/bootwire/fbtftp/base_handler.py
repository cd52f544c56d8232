"""Handlers: one for each request."""

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _conversation, _granting, _wording, constants
from ._content import Content, Readable, ResponseData, StringResponseData, close, is_missing
from ._content import told_size as _told_size
from ._session_stats import Peer, SessionStats, settle
from .netascii import NetasciiReader

if TYPE_CHECKING:
    from ._engine import Record

__all__ = [
    "BaseHandler",
    "Content",
    "NetasciiReader",
    "Readable",
    "ResponseData",
    "SessionStats",
    "StringResponseData",
]

log = logging.getLogger(__name__)

# How often it is looked for the end of a handler, in seconds.
_LOOK = 0.05

#: Handlers with a `run()` of their own, at the same time: each has a thread.
THREADS_MAX = 4096

_threads = threading.BoundedSemaphore(THREADS_MAX)

#: Gets a handler's statistics when its transfer is over.
StatsCallback = Callable[[SessionStats], object]


class BaseHandler:
    """Answers one request: inherit from it, and give the content in `get_response_data()`.

    The engine moves the blocks. Your code runs in a thread of its pool, beside other handlers; a
    class that has a `run()` of its own gets a thread of its own, in which `super().run()` returns
    when the transfer is over.

    Args:
        server_addr: address and port of the server, as it was told to bind them.
        peer: address and port of the client.
        path: what the client asks for, as it was sent.
        options: the options of the client and its `mode`, with the server's `default_timeout` and
            `retries`.
        stats_callback: gets the `SessionStats` at the end, or None.
    """

    #: Of no meaning any more: handlers were processes once.
    name: str = "fbtftp"
    daemon: bool = True

    def __init__(
        self,
        server_addr: Peer,
        peer: Peer,
        path: str,
        options: dict[str, Any],
        stats_callback: StatsCallback | None,
    ) -> None:
        self._bootwire = _conversation.begin()
        self._timeout = int(options["default_timeout"])
        self._server_addr = server_addr
        self._reset_timeout()
        self._retries = int(options["retries"])
        self._bootwire.patience = (self._timeout, self._retries)
        self._block_size = constants.DEFAULT_BLKSIZE
        self._last_block_sent = 0
        self._retransmits = 0
        self._global_retransmits = 0
        self._current_block: bytes | None = None
        self._should_stop = False
        self._waiting_last_ack = False
        self._tsize: Any = None
        self._path = path
        self._options = options
        self._stats_callback = stats_callback
        self._response_data: Content | None = None
        self._listener: socket.socket | None = None
        log.info("Request from %s for %r", peer, path)
        self._peer = peer
        self._family = socket.AF_INET6
        if ":" not in server_addr[0]:
            self._family = socket.AF_INET
            self._peer = (peer[0].replace("::ffff:", ""), peer[1])
        self._stats = SessionStats(self._server_addr, self._peer, self._path)
        try:
            self._response_data = self.get_response_data()
        except FileNotFoundError as error:
            log.warning("No content for %r: %r", path, error)
            self._bootwire_failed(constants.ERR_FILE_NOT_FOUND, error)
        except Exception as error:
            log.exception("The content for %r failed", path)
            self._bootwire_failed(constants.ERR_UNDEFINED, error)

    def get_response_data(self) -> Content | None:
        """The content for the client. Must be overridden.

        FileNotFoundError becomes the client's error 1, any other exception error 0.
        """
        raise NotImplementedError

    # The life of a handler.

    def start(self) -> None:
        """Answers the request. The server calls it, once."""
        talk = self._bootwire
        if talk.channel is None:
            raise RuntimeError("only a server can start a handler: return it from get_handler()")
        if talk.started:
            raise AssertionError("a handler can be started once")
        talk.started = True
        if _granting.needs_thread(type(self)):
            places = _threads
            if not places.acquire(blocking=False):
                log.error("%d handlers run: %r is refused", THREADS_MAX, self._path)
                self._stats.error = {
                    "error_code": constants.ERR_UNDEFINED,
                    "error_message": _wording.BUSY,
                }
                talk.refuse(constants.ERR_UNDEFINED, _wording.BUSY)
                self._bootwire_finish()
                return
            talk.hold()
            try:
                threading.Thread(
                    target=self._bootwire_run, args=(places,), name=str(self.name), daemon=True
                ).start()
            except BaseException:
                places.release()
                talk.fail()
                raise
        else:
            self._bootwire_guarded(self._bootwire_open)

    def run(self) -> None:
        """Serves the client. In a class of yours `super().run()` returns when that is over."""
        self._bootwire.hold()
        self._bootwire_open()
        while not (self._bootwire.closed or self._should_stop):
            try:
                self.run_once()
            except (KeyboardInterrupt, SystemExit):
                log.info("The handler for %r was told to exit", self._path)
                break
        self._bootwire_finish()

    def run_once(self) -> None:
        """Waits for the end of the transfer, for as long as the timeout."""
        self.on_new_data()

    def on_new_data(self) -> None:
        """Waits for the end of the transfer, for as long as the timeout."""
        talk = self._bootwire
        if talk.wait(max(self._timeout, 0.1)):
            self._bootwire_settle(talk.record)
            self._should_stop = True

    # What subclasses call, and override.

    def _parse_options(self) -> None:
        """Decides on the client's options: what is left in `_options` is granted."""
        self._options.pop("retries", None)
        self._options.pop("default_timeout", None)
        self._stats.options_in = self._options
        mode = self._options.get("mode", constants.MODE_BINARY)
        if mode == constants.MODE_NETASCII:
            if isinstance(self._response_data, Readable):
                self._response_data = NetasciiReader(self._response_data)
        elif mode != constants.MODE_BINARY:
            self._stats.error = {
                "error_code": constants.ERR_ILLEGAL_OPERATION,
                "error_message": f"Unknown mode: {mode!r}",
            }
            self._transmit_error()
            self._close()
            return
        granted = _granting.granted(self._options)
        if "blksize" in granted:
            self._block_size = int(granted["blksize"])
        if "timeout" in granted:
            self._timeout = int(granted["timeout"])
        if "tsize" in granted and not isinstance(self._response_data, bytes | os.PathLike):
            self._tsize = None if is_missing(self._response_data) else self._bootwire_size()
            if self._tsize is None:
                del granted["tsize"]
            else:
                granted["tsize"] = str(self._tsize)
        self._options = granted
        self._stats.blksize = self._block_size
        self._stats.options = granted
        self._stats.options_acked = granted

    def _bootwire_size(self) -> Any:
        assert self._response_data is not None
        return _told_size(self._response_data)

    def _transmit_oack(self) -> None:
        """Begins the transfer."""
        self._transmit_data()

    def _transmit_data(self) -> None:
        """Begins the transfer. From then on the engine sends the blocks."""
        talk = self._bootwire
        if not talk.is_open:
            return
        if is_missing(self._response_data):
            self._bootwire_unreadable()
            return
        talk.answer(_granting.transfer(self))

    def _transmit_error(self) -> None:
        """Sends the client the error in `_stats.error`, which ends the transfer."""
        code = int(self._stats.error.get("error_code", constants.ERR_UNDEFINED))
        message = str(self._stats.error.get("error_message", _wording.FAILED))
        self._bootwire.refuse(code, message)

    def _next_block(self) -> None:
        """Reads a block into `_current_block`. Overridden, it is called for each block."""
        self._last_block_sent = (self._last_block_sent + 1) % (constants.MAX_BLOCK_NUMBER + 1)
        try:
            data: Any = self._response_data
            block = bytes(data.read(self._block_size))
            while 0 < len(block) < self._block_size:
                more = data.read(self._block_size - len(block))
                if not more:
                    break
                block += more
            self._current_block = block
        except Exception:
            log.exception(_wording.UNREADABLE)
            self._bootwire_unreadable()

    def _bootwire_unreadable(self) -> None:
        self._stats.error = {
            "error_code": constants.ERR_UNDEFINED,
            "error_message": _wording.UNREADABLE,
        }
        self._transmit_error()
        self._should_stop = True

    def _get_listener(self) -> socket.socket:
        """A socket of the handler's own, for packets of its own. The engine has others."""
        if self._listener is None:
            self._listener = socket.socket(self._family, socket.SOCK_DGRAM)
            self._listener.bind((str(self._server_addr[0]), 0))
        return self._listener

    def _reset_timeout(self) -> None:
        self._expire_ts = time.time() + self._timeout

    def _handle_ack(self, block_number: int) -> None:
        """Never called: the engine has the acknowledgements."""

    def _handle_timeout(self) -> None:
        """Never called: the engine sends again what got lost."""

    def _on_close(self) -> None:
        """Calls the statistics callback."""
        self._stats.retransmits = self._global_retransmits
        if self._stats_callback is not None:
            self._stats_callback(self._stats)

    def _close(self, test: bool = False) -> None:
        """Ends the handler: `_on_close()`, then the content is closed.

        Raises SystemExit, unless `test`.
        """
        talk = self._bootwire
        if not talk.closed:
            talk.closed = True
            self._should_stop = True
            try:
                self._on_close()
            except Exception:
                log.exception("The statistics callback for %r failed", self._path)
            finally:
                self._bootwire_release()
        if not test:
            sys.exit(0)

    # How the server and the engine drive it.

    def _bootwire_open(self) -> None:
        """From the handler to the first packet; all there is, if the client is refused."""
        if self._stats.error:
            self._transmit_error()
            self._bootwire_finish()
            return
        try:
            self._parse_options()
        except Exception as error:
            log.exception("The options of the request for %r failed", self._path)
            if is_missing(self._response_data):
                self._bootwire_unreadable()
            else:
                self._bootwire_failed(constants.ERR_UNDEFINED, error)
                self._transmit_error()
            self._bootwire_finish()
            return
        talk = self._bootwire
        if talk.closed or (self._should_stop and not is_missing(self._response_data)):
            talk.drop()
        elif self._options:
            self._transmit_oack()
        else:
            self._transmit_data()
        if not talk.is_running:
            self._bootwire_wind_up(talk.record)

    def _bootwire_finish(self) -> None:
        """Closes the handler, unless it is closed, and goes on behind it."""
        if self._bootwire.finishes():
            with contextlib.suppress(SystemExit):
                self._close()

    def _bootwire_ended(self, record: "Record | None", began: bool = True) -> None:
        """The engine says that the transfer is over, or never began."""
        self._bootwire.began = began
        if self._bootwire.end(record):
            self._bootwire_guarded(lambda: self._bootwire_wind_up(record))

    def _bootwire_wind_up(self, record: "Record | None") -> None:
        self._bootwire_settle(record)
        self._bootwire_finish()

    def _bootwire_settle(self, record: "Record | None") -> None:
        """Takes over what the engine counted; nothing, if there was no transfer after all."""
        if record is None:
            if self._bootwire.over and not self._stats.error:
                self._stats.error = {
                    "error_code": constants.ERR_UNDEFINED,
                    "error_message": _wording.UNKNOWN if self._bootwire.began else _wording.GONE,
                }
            return
        self._global_retransmits = settle(self._stats, record)
        granted = self._options
        if self._stats.options_acked is granted and (record.granted or record.blocks):
            granted.clear()
            granted.update(record.granted)
        self._block_size = record.blksize

    def _bootwire_run(self, places: threading.BoundedSemaphore) -> None:
        """What the handler's own thread does."""
        try:
            self._bootwire_guarded(self.run)
            if not self._bootwire.leave():
                self._bootwire.drop()
                self._bootwire_guarded(self._bootwire_release)
        finally:
            places.release()

    def _bootwire_guarded(self, work: Callable[[], None]) -> None:
        """What is wrong with a handler ends its request, and nothing else."""
        try:
            work()
        except SystemExit:
            self._bootwire.drop()
            if not self._bootwire.is_running:
                self._bootwire_release()
        except BaseException:
            log.exception("The handler for %r failed", self._path)
            talk = self._bootwire
            talk.fail()
            if talk.is_running:
                # The engine's last call does the rest.
                self._should_stop = True
            else:
                self._bootwire_release()

    def _bootwire_release(self) -> None:
        """Lets go what the handler holds. Once."""
        if self._bootwire.released:
            return
        self._bootwire.released = True
        if self._listener is not None:
            self._listener.close()
        try:
            close(self._response_data)
        except Exception:
            log.exception("The content for %r could not be closed", self._path)

    def _bootwire_failed(self, code: int, error: Exception) -> None:
        message = str(error)
        self._stats.error = {"error_code": code, "error_message": message}
        self._bootwire.wording[message] = _wording.for_client(error, self._path)

    # What handlers were before: processes.

    @property
    def pid(self) -> int:
        """The server's process: handlers have none of their own."""
        return os.getpid()

    def is_alive(self) -> bool:
        """Whether it still has a client."""
        talk = self._bootwire
        return talk.started and not talk.closed

    def terminate(self) -> None:
        """Ends the transfer."""
        self._should_stop = True

    kill = terminate

    def join(self, timeout: float | None = None) -> None:
        """Waits until it has no client any more."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.is_alive() and (end is None or time.monotonic() < end):
            time.sleep(_LOOK)
