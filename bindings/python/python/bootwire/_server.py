"""`bootwire.Server`: routes to functions."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from . import _bootwire
from ._directory import Directory
from ._engine import Engine
from ._handlers import handler_of
from ._report import report
from ._testing import Reply, call

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._settings import Settings

__all__ = ["Server"]

log = logging.getLogger("bootwire")

F = TypeVar("F", bound=Callable[..., Any])
Handler = Callable[[_bootwire.Request], Any]


class _Shutdown(BaseException):
    """A signal asks for the end. No program catches it by mistake."""


class Server:
    """A TFTP server whose answers are Python functions.

    >>> from bootwire import MacAddr, Server
    >>> app = Server("127.0.0.1:0")
    >>> @app.read("/grub/grub.cfg-01-{mac}")
    ... def grub_config(mac: MacAddr) -> str:
    ...     return f"# for {mac}\\n"
    >>> app.call("/grub/grub.cfg-01-52-54-00-12-34-56").content
    b'# for 52:54:00:12:34:56\\n'

    `app.run()` serves until Ctrl-C or SIGTERM; `with app:` serves while its block runs.

    `listen` is one address or several: `"[::]:69"` is IPv6 and IPv4, `"127.0.0.1:0"` any free port, see
    `addresses`. `sockets` are bound UDP sockets to use as well, or their descriptors. Handlers run on up
    to `threads_max` threads. The other settings are those of the engine, in seconds and bytes: `workers`,
    `single_port`, `ports`, `blksize_max`, `windowsize_max`, `allow`, `deadline`, `transfers_max` and so
    on; the reference has a table of them.
    """

    def __init__(
        self,
        listen: str | Iterable[str] = (),
        *,
        sockets: Iterable[Any] = (),
        threads_max: int = 1024,
        **settings: Unpack[Settings],
    ) -> None:
        self._listen = [listen] if isinstance(listen, str) else list(listen)
        self._sockets = list(sockets)
        self._threads_max = threads_max
        self._settings: dict[str, Any] = dict(settings)
        self._routes: list[tuple[str, str | None, Any]] = []
        self._observers: list[Callable[[_bootwire.Record], Any]] = []
        self._config: str | None = None
        self._engine: Engine | None = None
        # Settings that cannot be are an error here, where they were written.
        self._make_engine()

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str],
        *,
        threads_max: int = 1024,
    ) -> Self:
        """The server that a configuration describes, as `bootwire serve` would run it. Routes of the
        program are tried before those of the configuration; a request that none of them matches goes
        on to those.

        The file is read when the server starts. When it changes, or a file beside it that it names, what
        it says now is served, as by `bootwire serve`; lines about that are in the log `bootwire`.
        """
        server = cls(threads_max=threads_max)
        server._config = os.fspath(path)
        return server

    # Routes

    def read(self, pattern: str) -> Callable[[F], F]:
        """Answers reads of the paths that match `pattern`, unless a route added before does.

        The function's parameters are filled from the pattern, by name, as their annotations say: `str`,
        `int`, `MacAddr`, `IPv4Address`, `Path` and others; `bytes` is the text exactly as it was sent.
        A value that cannot be converted is "file not found". A parameter called or annotated `Request`
        is the request. The function may be `async`, and returns

        - text or bytes;
        - a `pathlib.Path`: the file is sent by the engine, without Python. It may be any file that the
          process can read: for names that come from clients see `Directory`;
        - an object with `read(n)`, and perhaps `size()` and `close()`, such as an open binary file;
        - an iterator or asynchronous iterator of text or bytes, such as a generator;
        - `None`: there is no such file;
        - an `Answer`: one of these, and terms of the transfer.

        It may raise `Refusal`. `FileNotFoundError` and `PermissionError` are answered as what they are;
        any other exception is "Server error, try again", and its traceback is in the log `bootwire`.
        """
        return self._route("read", pattern, None)

    def write(self, pattern: str, *, size_max: int | None = None) -> Callable[[F], F]:
        """Answers writes of the paths that match `pattern`, unless a route added before does.

        A function with a parameter `body: bytes` gets the whole upload, when it is whole, and returns
        nothing; the client hears of success only then. `size_max` is 16 MiB if it is not given.

        Any other function is called first, and returns where the upload goes:

        - a `pathlib.Path`: the file, replaced at once when the upload is whole;
        - an object with `write(data)` and `finish()`, and perhaps `abort()`: exactly one of these two is
          called, `abort` when the upload does not become whole. All three may be `async`;
        - a file open for writing in binary mode.

        `size_max` ends larger uploads with "disk full".
        """
        return self._route("write", pattern, size_max)

    def fallback(self, function: F) -> F:
        """Answers reads that no route matches."""
        return self._route("read", None, None)(function)

    def write_fallback(self, function: F) -> F:
        """Answers writes that no route matches."""
        return self._route("write", None, None)(function)

    def directory(self, pattern: str, directory: Directory | str | os.PathLike[str]) -> None:
        """Serves the files of a directory, without Python: the one whose name is what `pattern` leaves of
        the path, behind `/images/{*path}` all that follows `/images/`."""
        found = directory if isinstance(directory, Directory) else Directory(os.fspath(directory))
        _bootwire.pattern_params(pattern)
        self._add("read", pattern, found)

    def observe(self, function: F) -> F:
        """Calls the function with the `Record` of each transfer that has ended, well or not. It may be
        `async`. A slow one holds up nothing: calls for several records run side by side."""
        self._stopped("an observer")
        self._observers.append(function)
        return function

    def _route(self, op: str, pattern: str | None, size_max: int | None) -> Callable[[F], F]:
        if callable(pattern):
            raise TypeError(f"write @app.{op}(pattern), with a pattern like '/motd'")
        if pattern is not None:
            _bootwire.pattern_params(pattern)

        def decorate(function: F) -> F:
            self._add(op, pattern, handler_of(function, op, pattern, size_max))
            return function

        return decorate

    def _add(self, op: str, pattern: str | None, handler: Any) -> None:
        self._stopped("a route")
        if pattern is None and self._config is not None:
            raise ValueError(
                "what nothing matches is the configuration's: use the pattern '/{*path}'"
            )
        if pattern is None and any(o == op and p is None for o, p, _ in self._routes):
            raise ValueError("there is a fallback already")
        self._routes.append((op, pattern, handler))

    def _stopped(self, what: str) -> None:
        if self._engine is not None:
            raise RuntimeError(f"add {what} before the server starts")

    # Life

    def _make_engine(self) -> Engine:
        return Engine(
            listen=self._listen,
            sockets=self._sockets,
            observer=self._observed if self._observers else None,
            threads_max=self._threads_max,
            routes=self._routes,
            config=self._config,
            **self._settings,
        )

    def _observed(self, record: _bootwire.Record) -> Any:
        if len(self._observers) == 1:
            return self._observers[0](record)
        return self._observed_by_all(record)

    async def _observed_by_all(self, record: _bootwire.Record) -> None:
        for observer in self._observers:
            try:
                result = observer(record)
                if hasattr(result, "__await__"):
                    await result
            except Exception as error:
                report(error, "the observer failed: %s", record)

    def start(self) -> Self:
        """Opens the ports and starts to answer. The program goes on.

        Raises `OSError` if a port is taken or may not be had, `ValueError` if settings contradict each
        other or a configuration is wrong, `RuntimeError` if it runs already.
        """
        if self._engine is not None:
            raise RuntimeError("the server runs already")
        engine = self._make_engine()
        engine.start()
        self._engine = engine
        return self

    def stop(self, drain: float = 0.0) -> tuple[int, int]:
        """Takes no more requests, lets running transfers finish for `drain` seconds, then stops.

        Returns how many finished and how many were cut off. It may be started again afterwards.
        """
        engine, self._engine = self._engine, None
        return (0, 0) if engine is None else engine.drain(drain)

    def __enter__(self) -> Self:
        """Starts."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops: well, with 30 s for running transfers, or at once behind an exception."""
        self.stop(30.0 if kind is None else 0.0)

    def run(self, *, drain: float = 30.0) -> None:
        """Starts, and serves until Ctrl-C, SIGTERM or `stop`; then lets running transfers finish for
        `drain` seconds, or until the second Ctrl-C or SIGTERM, and returns.

        Signals that the program handles itself stay its own; what its handlers raise leaves this, behind
        a stop.
        """
        with _Signals():
            self.start()
            try:
                self._wait()
            except (_Shutdown, KeyboardInterrupt):
                log.info("stopping: transfers that run have %g s to finish", drain)
                try:
                    self.stop(drain)
                except (_Shutdown, KeyboardInterrupt):
                    log.info("stopped: transfers that ran were cut off")
            finally:
                self.stop()

    def _wait(self) -> None:
        engine = self._engine
        if engine is not None:
            log.info("serving on %s", ", ".join(f"{a[0]} port {a[1]}" for a in engine.addresses))
            engine.wait()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the server has stopped, or `timeout` seconds. Whether it has. Signal handlers run
        meanwhile."""
        engine = self._engine
        return True if engine is None else engine.wait(timeout)

    # What it does

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._engine is not None and self._engine.running

    @property
    def addresses(self) -> list[tuple[Any, ...]]:
        """The addresses it listens on, as the `socket` module has them; empty when it does not run."""
        return [] if self._engine is None else self._engine.addresses

    @property
    def port(self) -> int:
        """The port of the first address. Raises `RuntimeError` when it does not run."""
        addresses = self.addresses
        if not addresses:
            raise RuntimeError("the server does not run")
        port: int = addresses[0][1]
        return port

    def stats(self) -> dict[str, int]:
        """What was counted since the start; empty when it does not run."""
        return {} if self._engine is None else self._engine.stats()

    def transfers(self, most: int = 1000) -> list[dict[str, Any]]:
        """The transfers that run, the oldest first."""
        return [] if self._engine is None else self._engine.transfers(most)

    def call(
        self,
        filename: str | bytes,
        body: bytes | None = None,
        *,
        peer: tuple[str, int] = ("192.0.2.1", 49152),
        options: dict[str, Any] | None = None,
        mode: str = "octet",
    ) -> Reply:
        """Answers one request here and now, without sockets and threads: for tests.

        With `body` it is a write. What a client would be refused with is raised as `Refusal`, and
        whatever else the handler raises as it is. Routes of a configuration are not asked.
        """
        return call(self._routes, filename, body, peer, options or {}, mode)

    def __repr__(self) -> str:
        where = self.addresses or self._listen or self._config
        return f"<Server {where} {'running' if self.running else 'stopped'}>"


class _Signals:
    """SIGINT and SIGTERM ask for the end, unless the program handles them itself."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number, default in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
        ):
            if signal.getsignal(number) == default:
                self._before[number] = signal.signal(number, self._asked)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @staticmethod
    def _asked(number: int, frame: FrameType | None) -> NoReturn:
        raise _Shutdown
