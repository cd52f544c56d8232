"""The event loop for handlers that are coroutines: one for each engine, started when it is needed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

__all__ = ["Loop"]

Work = Coroutine[Any, Any, None]


class Loop:
    """An event loop on a thread of its own.

    Work that a client waits for is cancelled as soon as the engine stops; work that ends something,
    such as a `close()`, is waited for. None of it may raise.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._is_closed = False
        # Kept: the loop itself holds its tasks weakly.
        self._awaited: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()

    def run(self, work: Work) -> None:
        """Runs what a client waits for, and does not wait itself."""
        self._send(work, self._awaited)

    def finish_off(self, work: Work) -> None:
        """Runs what ends something, and does not wait itself."""
        self._send(work, self._endings)

    def _send(self, work: Work, among: set[asyncio.Task[None]]) -> None:
        with self._lock:
            if self._is_closed:
                work.close()
                raise RuntimeError("the server has stopped")
            if self._loop is None:
                self._start()
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._spawn, work, among)

    def _start(self) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(
            target=self._main, args=(loop,), name="bootwire-asyncio", daemon=True
        )
        thread.start()
        self._loop, self._thread = loop, thread

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def _spawn(self, work: Work, among: set[asyncio.Task[None]]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)
        if self._is_stopping and among is self._awaited:
            task.cancel()

    def cancel(self) -> None:
        """Cancels what clients wait for, and does not wait."""
        with self._lock:
            self._is_stopping = True
            if self._loop is not None and not self._is_closed:
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        for task in list(self._awaited):
            task.cancel()

    def finish(self, end: float) -> bool:
        """Ends the loop when all is done, or at `end` of the monotonic clock. Whether all was."""
        with self._lock:
            self._is_closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return True
        if thread is threading.current_thread():
            loop.call_soon(loop.stop)
            return False
        asyncio.run_coroutine_threadsafe(self._wind_up(end), loop)
        thread.join(max(0.1, end - time.monotonic()))
        return not thread.is_alive()

    async def _wind_up(self, end: float) -> None:
        loop = asyncio.get_running_loop()
        if left := self._awaited | self._endings:
            # A little less than the thread is waited for.
            await asyncio.wait(left, timeout=max(0.0, end - time.monotonic() - 0.1))
        for task in self._awaited | self._endings:
            task.cancel()
        await asyncio.sleep(0)
        await loop.shutdown_asyncgens()
        loop.stop()
