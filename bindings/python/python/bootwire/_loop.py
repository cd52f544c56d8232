"""The event loop for handlers that are coroutines: one for each engine, started when first needed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

__all__ = ["Loop"]


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Runs `coroutine`, which must not raise, and does not wait for it."""
        with self._lock:
            if self._closed:
                coroutine.close()
                raise RuntimeError("the server stops")
            if self._loop is None:
                self._start()
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._spawn, coroutine)

    def _start(self) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(
            target=self._main, args=(loop,), name="bootwire-asyncio", daemon=True
        )
        self._loop, self._thread = loop, thread
        thread.start()

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        # Kept: the loop itself holds its tasks weakly.
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def finish(self, end: float) -> bool:
        """Cancels what runs and ends the loop, at most until `end` of the monotonic clock. Whether all
        of it has ended."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return True
        if thread is threading.current_thread():
            loop.stop()
            return False
        asyncio.run_coroutine_threadsafe(self._wind_up(end), loop)
        thread.join(max(0.0, end - time.monotonic()))
        return not thread.is_alive()

    async def _wind_up(self, end: float) -> None:
        """Gives tasks that only close something a moment, then cancels all."""
        loop = asyncio.get_running_loop()
        for task in list(self._tasks):
            task.cancel()
        left = [task for task in self._tasks if not task.done()]
        if left:
            await asyncio.wait(left, timeout=max(0.0, end - time.monotonic()))
        await loop.shutdown_asyncgens()
        loop.stop()
