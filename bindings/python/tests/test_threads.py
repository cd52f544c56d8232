"""Handlers, observers and coroutines that take their time, or never end."""

from __future__ import annotations

import asyncio
import threading
import time
import unittest

from bootwire._engine import Engine
from hostile import Content, Hostile, Own
from wire import TftpError, Transfer, get, until


class ThreadsAndTime(Hostile):
    def test_a_handler_that_sleeps_delays_nobody(self):
        asleep = threading.Semaphore(0)
        wake = threading.Event()
        self.addCleanup(wake.set)

        def handler(request):
            if request.path == "/slow":
                asleep.release()
                wake.wait(60)
            return "well"

        self.serve(handler, deadline=120)
        transfers = [Transfer(self.port) for _ in range(50)]
        for transfer in transfers:
            transfer.request(1, "slow", {}, "octet")
        for _ in transfers:
            self.assertTrue(asleep.acquire(timeout=60))
        self.assertEqual(get(self.port, "quick"), b"well")
        wake.set()
        for transfer in transfers:
            op, rest = transfer.receive()
            self.assertEqual((op, rest[2:]), (3, b"well"))
            transfer.send(4, 1)
            transfer.socket.close()

    def test_more_handlers_than_threads_are_answered_in_turn_or_in_time(self):
        wake = threading.Event()
        self.addCleanup(wake.set)
        self.serve(lambda request: wake.wait(60) and "woken", threads_max=2, deadline=0.3)
        transfers = [Transfer(self.port) for _ in range(6)]
        for transfer in transfers:
            transfer.request(1, "x", {}, "octet")
        for transfer in transfers:
            with self.assertRaises(TftpError) as caught:
                transfer.receive()
            self.assertEqual(caught.exception.code, 0)
            transfer.socket.close()
        wake.set()
        until(lambda: get(self.port, "x") == b"woken")

    def test_an_answer_that_comes_too_late_is_closed(self):
        content = Content(lambda n: b"x")

        def handler(request):
            time.sleep(0.5)
            return content

        self.serve(handler, deadline=0.1)
        self.assertEqual(self.refused().code, 0)
        until(lambda: content.closed)
        self.assertEqual(content.closed, 1)

    def test_a_handler_that_keeps_the_gil_busy_starves_nobody(self):
        def handler(request):
            if request.path == "/busy":
                end = time.monotonic() + 0.5
                while time.monotonic() < end:
                    pass
            return "done"

        self.serve(handler)
        with Transfer(self.port) as transfer:
            transfer.request(1, "busy", {}, "octet")
            for _ in range(10):
                self.assertEqual(get(self.port, "other"), b"done")
            self.assertEqual(transfer.receive()[0], 3)
            transfer.send(4, 1)

    def test_an_observer_that_hangs_holds_up_no_transfer(self):
        wake = threading.Event()
        self.addCleanup(wake.set)
        seen = []

        def observer(record):
            seen.append(record.path)
            if record.path == "/hang":
                wake.wait(60)
            elif record.path == "/raise":
                raise Own("no")

        engine = Engine(lambda request: "x", listen="127.0.0.1:0", observer=observer, threads_max=8)
        engine.start()
        self.addCleanup(engine.stop)
        port = engine.addresses[0][1]
        for name in ["hang"] * 20 + ["raise", "last"]:
            self.assertEqual(get(port, name), b"x")
        until(lambda: seen.count("/hang") == 4)
        wake.set()
        until(lambda: "/last" in seen)

    def test_records_come_while_there_is_always_something_more_urgent(self):
        def handler(request):
            time.sleep(0.005)
            return "x"

        self.serve(handler, threads_max=2)
        enough = threading.Event()

        def ask():
            while not enough.is_set():
                get(self.port, "x")

        clients = [threading.Thread(target=ask) for _ in range(64)]
        for client in clients:
            client.start()
        try:
            until(lambda: len(self.records) >= 20)
        finally:
            enough.set()
            for client in clients:
                client.join()

    def test_threads_go_when_the_server_stops(self):
        engine = self.serve(lambda request: "x")
        get(self.port, "x")
        engine.stop()
        names = [thread.name for thread in threading.enumerate()]
        self.assertFalse([name for name in names if name.startswith("bootwire")], names)

    def test_what_ends_things_on_the_loop_is_waited_for(self):
        ended = []

        async def lines():
            try:
                while True:
                    yield b"x" * 512
            finally:
                await asyncio.sleep(0.05)
                ended.append("lines")

        async def handler(request):
            if request.path == "/lines":
                return lines()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                ended.append("handler")
                raise

        engine = self.serve(handler)
        with Transfer(self.port) as one, Transfer(self.port) as other:
            one.request(1, "lines", {}, "octet")
            one.receive()
            other.request(1, "other", {}, "octet")
            until(lambda: engine.stats()["active"] == 2)
            time.sleep(0.05)
            self.assertTrue(engine.stop(grace=30))
        self.assertEqual(sorted(ended), ["handler", "lines"])

    def test_a_stop_from_a_handler_is_no_deadlock(self):
        done = threading.Event()

        def handler(request):
            engine.stop(grace=1.0)
            done.set()

        engine = self.serve(handler)
        with Transfer(self.port) as transfer:
            transfer.request(1, "x", {}, "octet")
            self.assertTrue(done.wait(60))


if __name__ == "__main__":
    unittest.main()
