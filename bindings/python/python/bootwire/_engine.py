"""The engine as Python drives it: threads that come for jobs, and what handlers may answer.

`bootwire.Server` and `bootwire.fbtftp` are made on `Engine`. The other half is Rust: it moves the
blocks, and never runs a line of Python. What needs Python becomes a job; daemon threads that are
started here take jobs and tell their outcomes.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import types
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import _bootwire
from ._answer import Answer, Refusal
from ._content import Reader, reader_of
from ._directory import DirectoryFile
from ._loop import Loop
from ._report import logged, refuse, report
from ._sinks import sink_of

__all__ = ["Engine"]

log = logging.getLogger("bootwire")

#: Bytes read with the answer, for clients that have proven their address and for strangers.
FIRST_READ = 32 << 10
FIRST_READ_STRANGER = 16 << 10

#: How long a wait lasts at most before Python gets to look for signals, in seconds.
SLICE = 0.1

Handler = Callable[[_bootwire.Request], Any]
Observer = Callable[[_bootwire.Record], Any]

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_here = threading.local()


class Engine:
    """A TFTP server that asks `handler` for an answer to each request.

    `handler` is called with a `Request` on a thread that may wait for whatever it likes: there are up
    to `threads_max` of them, and no packet waits for one. It returns an `Answer` or what an `Answer`
    is made of, a coroutine that does, or raises `Refusal`. `observer` is called with the `Record` of
    each transfer that has ended, on such a thread too.

    `listen` are addresses such as `"[::]:69"`; `sockets` are bound UDP sockets, or their descriptors,
    which stay the caller's to close. Further settings are those of `bootwire.Server`.

    Nothing is opened before `open` or `start`, and no thread started before `start`. So a process may
    fork in between. One that forks later has no server in its child, and is told so there.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        *,
        listen: str | Iterable[str] = (),
        sockets: Iterable[Any] = (),
        observer: Observer | None = None,
        threads_max: int = 1024,
        routes: Sequence[tuple[str, str | None, Handler | _bootwire.Directory]] = (),
        config: str | None = None,
        **settings: Any,
    ) -> None:
        wanted = list(routes)
        if handler is not None:
            wanted += [("read", None, handler), ("write", None, handler)]
        self._handlers: list[Any] = [handler for _, _, handler in wanted]
        self._observer = observer
        # Kept: the descriptor of a socket that is collected is closed, or somebody else's.
        self._sockets = list(sockets)
        descriptors = [s if isinstance(s, int) else s.fileno() for s in self._sockets]
        self._core = _bootwire.Core(
            [
                (op, pattern, to if isinstance(to, _bootwire.Directory) else number)
                for number, (op, pattern, to) in enumerate(wanted)
            ],
            listen=[listen] if isinstance(listen, str) else list(listen),
            sockets=descriptors,
            settings=settings,
            config=config,
            observes=observer is not None,
            threads_max=threads_max,
        )
        self._jobs = self._core.jobs
        self._loop = Loop()
        self._names = iter(range(1, 1 << 62))
        self._process: int | None = None
        self._ended = False
        self._ending = threading.Lock()
        self._run: dict[int, Callable[..., None]] = {
            1: self._call,
            2: self._read,
            3: self._write,
            4: self._finish,
            5: self._close,
            6: self._abort,
            7: self._observe,
            8: log.info,
        }

    # Life

    def open(self) -> None:
        """Opens the sockets and no more: ports are taken, and nobody answers yet."""
        self._core.open()

    def start(self) -> None:
        """Starts to answer.

        Raises `OSError` if a port is taken or may not be had, `ValueError` if settings contradict each
        other, `RuntimeError` if it runs already or has been stopped.
        """
        self._core.start()
        self._process = os.getpid()
        _engines.add(self)
        self._jobs.enlist()
        if not self._start_thread():
            self.stop()
            raise RuntimeError("cannot start a thread for handlers")

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._core.running

    @property
    def addresses(self) -> list[tuple[Any, ...]]:
        """The addresses it listens on, with the ports the kernel chose; empty before `open`."""
        return self._core.addresses

    def stats(self) -> dict[str, int]:
        """What was counted since the start, over all workers; empty when it does not run."""
        counts = self._core.stats()
        if counts:
            counts["records_dropped"] += self._jobs.records_dropped
        return counts

    def transfers(self, most: int = 1000) -> list[dict[str, Any]]:
        """The transfers that run, the oldest first."""
        return self._core.transfers(most)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the server has ended, or `timeout` seconds. Whether it has.

        Signal handlers run meanwhile, and what they raise leaves this.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = SLICE if until is None else min(SLICE, until - time.monotonic())
            ended = self._core.wait(max(left, 0.0))
            if ended is not None:
                if ended[2]:
                    raise RuntimeError("a worker thread died: standard error says where")
                return True
            if until is not None and time.monotonic() >= until:
                return False

    def drain(self, timeout: float = 30.0) -> tuple[int, int]:
        """Takes no more requests, lets running transfers finish for `timeout` seconds, then stops.

        Returns how many finished and how many were cut off. An exception out of a signal handler, such
        as a second Ctrl-C, cuts off all.
        """
        if self._is_foreign():
            return (0, 0)
        self._core.drain(timeout)
        counts = (0, 0)
        try:
            ended = None
            while ended is None:
                ended = self._core.wait(SLICE)
            counts = ended[:2]
        finally:
            self.stop()
        return counts

    def stop(self, grace: float = 5.0) -> bool:
        """Stops: transfers that run are cut off, and whatever handlers, `close()` and observers still
        have to do is waited for, `grace` seconds at most. Whether all of it was done.

        Once more does nothing. In the child of a fork neither does once.
        """
        if self._is_foreign():
            return True
        with self._ending:
            if self._ended:
                return True
            self._ended = True
        inside = getattr(_here, "engine", None) is self
        end = time.monotonic() + grace
        self._core.halt()
        if self._process is None:
            self._core.close(inside)
            return True
        # What clients waited for is over; what ends things may still take its time.
        self._loop.cancel()
        done = self._core.settle(max(0.0, end - time.monotonic()), inside)
        done &= self._loop.finish(end)
        done &= self._core.settle(max(0.0, end - time.monotonic()), inside)
        done &= self._core.close(inside)
        _engines.discard(self)
        return done

    def _is_foreign(self) -> bool:
        """Whether it was started by a process that this one was forked from."""
        return self._process not in (None, os.getpid())

    # Threads

    def _start_thread(self) -> bool:
        name = f"bootwire-handler-{next(self._names)}"
        try:
            threading.Thread(target=self._work, name=name, daemon=True).start()
        except RuntimeError:
            self._jobs.discharge()
            if not self._ended:  # else the interpreter ends, and those there are do
                log.error("cannot start another thread for handlers", exc_info=True)
            return False
        return True

    def _work(self) -> None:
        _here.engine = self
        take, run, last = self._jobs.take, self._run, 0
        while True:
            job, spare = take(last)
            if spare:
                self._start_thread()
            if job is None:
                return
            last = job[0]
            try:
                run[last](*job[1:])
            except BaseException:  # a bug of ours: the thread goes on
                log.critical("a job failed", exc_info=True)
            job = None

    # Jobs

    def _call(
        self, request: _bootwire.Request, number: int, blksize: int, ticket: _bootwire.Ticket
    ) -> None:
        try:
            result = self._handlers[number](request)
            if type(result) is types.CoroutineType:
                self._loop.run(self._call_async(request, result, blksize, ticket))
                return
            self._answer(request, result, blksize, ticket)
        except BaseException as error:
            refuse(ticket, error, "the handler failed: %s", request)

    async def _call_async(
        self,
        request: _bootwire.Request,
        coroutine: types.CoroutineType[Any, Any, Any],
        blksize: int,
        ticket: _bootwire.Ticket,
    ) -> None:
        try:
            self._answer(request, await coroutine, blksize, ticket, on_loop=True)
        except BaseException as error:
            refuse(ticket, error, "the handler failed: %s", request)

    def _answer(
        self,
        request: _bootwire.Request,
        result: Any,
        blksize: int,
        ticket: _bootwire.Ticket,
        on_loop: bool = False,
    ) -> None:
        terms = None
        size_max = None
        if isinstance(result, Answer):
            terms = result._terms()
            blksize = result._blksize(blksize)
            size_max = result.size_max
            content = result.content
        else:
            content = result
        if request.op == "write":
            if content is None:
                raise Refusal.denied()
            ticket.accept(sink_of(content), size_max, terms)
        elif isinstance(content, bytes):
            ticket.reply(content, True, None, None, terms)
        elif isinstance(content, str):
            ticket.reply(content.encode(), True, None, None, terms)
        elif content is None:
            ticket.refuse(1, None, None, False, terms)
        elif isinstance(content, os.PathLike):
            ticket.reply_file(os.path.abspath(content), terms)
        elif isinstance(content, DirectoryFile):
            ticket.reply_in(content.directory, content.name, terms)
        elif isinstance(content, (bytearray, memoryview)):
            ticket.reply(bytes(content), True, None, None, terms)
        else:
            self._reply(request, reader_of(content, blksize), ticket, terms, on_loop)

    def _reply(
        self,
        request: _bootwire.Request,
        reader: Reader,
        ticket: _bootwire.Ticket,
        terms: dict[str, Any] | None,
        on_loop: bool,
    ) -> None:
        """Answers with content that is read: as much of it as small files have with the answer."""
        data, end = b"", False
        try:
            size = reader.size()
            if not on_loop and not reader.is_async:
                want = FIRST_READ if request.proven else FIRST_READ_STRANGER
                data, end = reader.fill(want)
        except BaseException:
            self._close(reader)
            raise
        if end and reader.closes_at_end:
            self._close(reader)
            ticket.reply(data, True, None, None, terms)
        else:
            ticket.reply(data, end, reader, size, terms)

    def _read(self, reader: Reader, want: int, ticket: _bootwire.Ticket) -> None:
        if reader.is_async:
            self._loop.run(self._read_async(reader, want, ticket))
            return
        try:
            data, end = reader.fill(want)
        except BaseException as error:
            refuse(ticket, error, "reading content failed: %s", reader)
            return
        ticket.piece(data, end)

    async def _read_async(self, reader: Reader, want: int, ticket: _bootwire.Ticket) -> None:
        try:
            data, end = await reader.fill_async(want)
        except BaseException as error:
            refuse(ticket, error, "reading content failed: %s", reader)
            return
        ticket.piece(data, end)

    def _close(self, reader: Reader) -> None:
        try:
            result = reader.close()
            if type(result) is types.CoroutineType:
                self._loop.finish_off(logged(result, "closing content failed: %s", reader))
        except BaseException as error:
            report(error, "closing content failed: %s", reader)

    def _write(self, sink: Any, data: bytes, ticket: _bootwire.Ticket) -> None:
        self._step(sink, lambda: sink.write(data), ticket)

    def _finish(self, sink: Any, ticket: _bootwire.Ticket) -> None:
        # A file is finished by its close().
        finish = getattr(sink, "finish", None) or getattr(sink, "close", None)
        self._step(sink, finish or (lambda: None), ticket)

    def _step(self, sink: Any, step: Callable[[], Any], ticket: _bootwire.Ticket) -> None:
        try:
            result = step()
            if type(result) is types.CoroutineType:
                self._loop.run(self._step_async(sink, result, ticket))
                return
        except BaseException as error:
            refuse(ticket, error, "taking an upload failed: %s", sink)
            return
        ticket.done()

    async def _step_async(
        self, sink: Any, step: types.CoroutineType[Any, Any, Any], ticket: _bootwire.Ticket
    ) -> None:
        try:
            await step
        except BaseException as error:
            refuse(ticket, error, "taking an upload failed: %s", sink)
            return
        ticket.done()

    def _abort(self, sink: Any) -> None:
        try:
            abort = getattr(sink, "abort", None) or getattr(sink, "close", None)
            result = None if abort is None else abort()
            if type(result) is types.CoroutineType:
                self._loop.finish_off(logged(result, "giving up an upload failed: %s", sink))
        except BaseException as error:
            report(error, "giving up an upload failed: %s", sink)

    def _observe(self, record: _bootwire.Record) -> None:
        try:
            result = self._observer(record) if self._observer is not None else None
            if type(result) is types.CoroutineType:
                self._loop.finish_off(logged(result, "the observer failed: %s", record))
        except BaseException as error:
            report(error, "the observer failed: %s", record)


@atexit.register
def _stop_all() -> None:
    """The interpreter ends: engines go first, while there are threads to run what they leave."""
    for engine in list(_engines):
        engine.stop(grace=1.0)
