"""What the tests of programs that do everything wrong have in common."""

from __future__ import annotations

import logging
import unittest

from bootwire._engine import Engine
from wire import TftpError, get, until


class Hostile(unittest.TestCase):
    """A server with one handler, and what was logged."""

    def serve(self, handler, **settings) -> Engine:
        self.records: list = []
        engine = Engine(handler, listen="127.0.0.1:0", observer=self.records.append, **settings)
        engine.start()
        self.addCleanup(engine.stop)
        self.port = engine.addresses[0][1]
        return engine

    def refused(self, name: str = "x") -> TftpError:
        with self.assertRaises(TftpError) as caught:
            get(self.port, name)
        return caught.exception

    def record(self, count: int = 1):
        until(lambda: len(self.records) >= count)
        return self.records[count - 1]

    def setUp(self) -> None:
        self.logged: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = self.logged.append
        log = logging.getLogger("bootwire")
        log.addHandler(handler)
        propagate, log.propagate = log.propagate, False

        def restore() -> None:
            log.removeHandler(handler)
            log.propagate = propagate

        self.addCleanup(restore)


class Own(BaseException):
    pass


class Content:
    """Content that notes what is done with it."""

    def __init__(self, read, size=None, close=None):
        self._read = read
        self._close = close
        self.closed = 0
        self.inside = 0
        self.clashes = 0
        if size is not None:
            self.size = size

    def read(self, n):
        self.inside += 1
        try:
            return self._read(n)
        finally:
            self.inside -= 1

    def close(self):
        self.closed += 1
        self.clashes += self.inside
        if self._close:
            self._close()
