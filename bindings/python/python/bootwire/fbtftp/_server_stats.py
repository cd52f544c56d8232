"""What happened to a server."""

import collections
import threading
import time
from typing import Any

__all__ = ["ServerStats"]


class ServerStats:
    """Counters of a server, safe to use from any thread; `process_count` counts its requests.

    The server's statistics callback gets them every `interval` seconds, and resets them if it
    wants to begin anew: `get_and_reset_all_counters()`.
    """

    def __init__(self, server_addr: str | None = None, interval: float | None = None) -> None:
        self.server_addr = server_addr
        #: Seconds between two calls of the callback.
        self.interval = interval
        #: Seconds since the epoch.
        self.start_time = time.time()
        self._counters: collections.Counter[str] = collections.Counter()
        self._counters_lock = threading.Lock()

    def get_all_counters(self) -> dict[str, Any]:
        """All counters."""
        with self._counters_lock:
            return dict(self._counters)

    def get_and_reset_all_counters(self) -> dict[str, Any]:
        """All counters, which start from nothing again."""
        with self._counters_lock:
            counters = dict(self._counters)
            self._counters.clear()
        return counters

    def get_counter(self, name: str) -> Any:
        """One counter; 0 if nobody has counted."""
        with self._counters_lock:
            return self._counters[name]

    def set_counter(self, name: str, value: Any) -> None:
        """Sets a counter."""
        with self._counters_lock:
            self._counters[name] = value

    def increment_counter(self, name: str, increment: Any = 1) -> None:
        """Adds to a counter; `increment` may be negative."""
        with self._counters_lock:
            self._counters[name] += increment

    def reset_counter(self, name: str) -> None:
        """Sets a counter to 0."""
        self.set_counter(name, 0)

    def get_and_reset_counter(self, name: str) -> Any:
        """One counter, which is 0 from now on."""
        with self._counters_lock:
            value = self._counters[name]
            self._counters[name] = 0
        return value

    def reset_all_counters(self) -> None:
        """All counters start from nothing again."""
        with self._counters_lock:
            self._counters.clear()

    def duration(self) -> float:
        """Seconds since the server was made."""
        return time.time() - self.start_time
