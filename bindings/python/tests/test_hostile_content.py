"""Content and sinks that do everything wrong."""

from __future__ import annotations

import io
import threading
import time
import unittest

from bootwire import Answer, Refusal
from hostile import Content, Hostile, Own
from wire import TftpError, Transfer, get, put, until


class ContentThatMisbehaves(Hostile):
    def give(self, content, **settings):
        self.content = content
        return self.serve(lambda request: content, **settings)

    def closed_once(self):
        until(lambda: self.content.closed)
        time.sleep(0.05)
        self.assertEqual((self.content.closed, self.content.clashes), (1, 0))

    def test_reads_of_what_is_no_bytes(self):
        for wrong in ("text", None, 5, [b"x"], object()):
            with self.subTest(wrong):
                self.give(Content(lambda n, wrong=wrong: wrong))
                self.assertEqual(self.refused().code, 0)
                self.closed_once()

    def test_reads_that_give_less_than_asked_fill_blocks(self):
        left = [b"abc"] * 1000
        asked = []

        def read(n):
            asked.append(n)
            return left.pop() if left else b""

        self.give(Content(read))
        self.assertEqual(get(self.port, "x"), b"abc" * 1000)
        self.closed_once()
        self.assertEqual(asked[:3], [512, 509, 506])
        self.assertEqual(max(asked), 512)

    def test_reads_that_give_more_than_asked_lose_nothing(self):
        pieces = [b"a" * 5000, b"b" * 5000]
        self.give(Content(lambda n: pieces.pop(0) if pieces else b""))
        self.assertEqual(get(self.port, "x"), b"a" * 5000 + b"b" * 5000)
        self.closed_once()

    def test_other_kinds_of_bytes_are_bytes(self):
        pieces = [bytearray(b"a" * 600), memoryview(b"b" * 600), b""]
        self.give(Content(lambda n: pieces.pop(0)))
        self.assertEqual(get(self.port, "x"), b"a" * 600 + b"b" * 600)

    def test_a_read_that_raises_in_the_middle_ends_the_transfer(self):
        count = [0]

        def read(n):
            count[0] += 1
            if count[0] > 300:
                raise SystemExit("/secret")
            return b"x" * n

        self.give(Content(read))
        refused = self.refused()
        self.assertEqual(refused.code, 0)
        self.assertNotIn("secret", refused.text)
        self.closed_once()
        self.assertEqual(len(self.logged), 1)

    def test_a_refusal_in_the_middle_is_told(self):
        count = [0]

        def read(n):
            count[0] += 1
            if count[0] > 300:
                raise Refusal(3, "No more")
            return b"x" * n

        self.give(Content(read))
        refused = self.refused()
        self.assertEqual((refused.code, refused.text), (3, "No more"))

    def test_sizes_that_are_none(self):
        for wrong in (-1, "5", 1.5, b""):
            with self.subTest(wrong):
                self.give(Content(lambda n: b"", size=lambda wrong=wrong: wrong))
                self.assertEqual(self.refused().code, 0)
                self.closed_once()

    def test_a_size_that_is_broken_fails_before_the_last_block(self):
        for promised in (1_000_000, 10):
            with self.subTest(promised):
                left = io.BytesIO(b"x" * 200_000)
                self.give(Content(left.read, size=lambda promised=promised: promised))
                self.assertEqual(self.refused().code, 0)
                self.closed_once()

    def test_a_size_or_close_that_raises(self):
        def fail():
            raise Own("no")

        self.give(Content(lambda n: b"", size=fail))
        self.assertEqual(self.refused().code, 0)
        self.closed_once()
        data = [b"hello", b""]
        self.give(Content(lambda n: data.pop(0), close=fail))
        self.assertEqual(get(self.port, "x"), b"hello")
        self.closed_once()
        until(lambda: any("closing" in entry.getMessage() for entry in self.logged))

    def test_a_client_that_leaves_closes_the_content(self):
        self.give(Content(lambda n: b"x" * n))
        with Transfer(self.port) as transfer:
            transfer.request(1, "x", {}, "octet")
            transfer.receive()
            transfer.send(4, 1)
            transfer.receive()
            transfer.send(5, 0, b"bye\0")
            self.closed_once()

    def test_content_without_end_is_cut_off_by_a_stop(self):
        engine = self.give(Content(lambda n: b"x" * n))
        with Transfer(self.port) as transfer:
            transfer.request(1, "x", {}, "octet")
            transfer.receive()
            transfer.send(4, 1)
            before = time.monotonic()
            self.assertEqual(engine.drain(0.2)[1], 1)
            self.assertLess(time.monotonic() - before, 20)
            self.closed_once()

    def test_a_read_that_never_returns_holds_up_neither_others_nor_a_stop(self):
        stuck = threading.Event()
        self.addCleanup(stuck.set)
        contents = {"/stuck": Content(lambda n: stuck.wait(60) and b"")}
        engine = self.serve(lambda request: contents.get(request.path, "well"))
        with Transfer(self.port) as transfer:
            transfer.request(1, "stuck", {}, "octet")
            until(lambda: contents["/stuck"].inside)
            self.assertEqual(get(self.port, "other"), b"well")
            before = time.monotonic()
            self.assertFalse(engine.stop(grace=0.3))
            self.assertLess(time.monotonic() - before, 20)
        self.assertEqual(contents["/stuck"].closed, 0)


class IteratorsThatMisbehave(Hostile):
    def test_one_that_raises_in_the_middle(self):
        closed = threading.Event()

        def lines():
            try:
                for _ in range(1000):
                    yield "x" * 1000
                raise Own("no")
            finally:
                closed.set()

        self.serve(lambda request: lines())
        self.assertEqual(self.refused().code, 0)
        self.assertTrue(closed.wait(60))

    def test_one_of_wrong_things(self):
        for wrong in (5, None, ["x"]):
            with self.subTest(wrong):
                self.serve(lambda request, wrong=wrong: iter([b"x", wrong]))
                self.assertEqual(self.refused().code, 0)

    def test_a_slow_one_is_sent_as_it_comes(self):
        seen = threading.Event()

        def lines():
            for _ in range(4):
                time.sleep(0.005)
                yield b"x" * 512
            yield b"y" * 512 if seen.wait(60) else b""

        self.serve(lambda request: lines())
        got = get(self.port, "x", on_block=lambda number: seen.set() if number == 2 else None)
        self.assertEqual(got, b"x" * 2048 + b"y" * 512)

    def test_one_without_end_ends_with_its_client(self):
        closed = threading.Event()

        def for_ever():
            try:
                while True:
                    yield b"x" * 100
            finally:
                closed.set()

        self.serve(lambda request: for_ever())
        with Transfer(self.port) as transfer:
            transfer.request(1, "x", {}, "octet")
            transfer.receive()
            transfer.send(5, 0, b"bye\0")
            self.assertTrue(closed.wait(60))

    def test_empty_pieces_are_nothing(self):
        self.serve(lambda request: iter([b"", "", b"a", b"", b"b"]))
        self.assertEqual(get(self.port, "x"), b"ab")

    def test_asynchronous_ones(self):
        async def good():
            for number in range(3):
                yield f"{number}\n"

        async def bad():
            yield b"x" * 600
            raise Own("no")

        self.serve(lambda request: good() if request.path == "/good" else bad())
        self.assertEqual(get(self.port, "good"), b"0\n1\n2\n")
        self.assertEqual(self.refused("bad").code, 0)
        self.assertEqual(get(self.port, "good"), b"0\n1\n2\n")


class Sink:
    def __init__(self, fail=""):
        self.fail = fail
        self.calls = []

    def _note(self, what):
        self.calls.append(what)
        if what == self.fail:
            raise Own("no")

    def write(self, data):
        self.data = getattr(self, "data", b"") + data
        self._note("write")

    def finish(self):
        self._note("finish")

    def abort(self):
        self._note("abort")


class SinksThatMisbehave(Hostile):
    def test_finish_or_abort_is_called_and_never_both(self):
        for fail, end in (("", "finish"), ("write", "abort"), ("finish", "finish")):
            with self.subTest(fail):
                sink = Sink(fail)
                engine = self.serve(lambda request, sink=sink: sink)
                if fail:
                    with self.assertRaises(TftpError):
                        put(self.port, "up", b"x" * 2000)
                else:
                    put(self.port, "up", b"x" * 2000)
                engine.stop()
                self.assertEqual(sink.calls[-1], end)
                self.assertEqual(sum(call in ("finish", "abort") for call in sink.calls), 1)

    def test_an_upload_that_is_given_up_is_aborted(self):
        sink = Sink()
        self.serve(lambda request: sink)
        put(self.port, "up", b"x" * 10_000, stop_after=3)
        until(lambda: "abort" in sink.calls)
        self.assertNotIn("finish", sink.calls)

    def test_an_upload_that_is_too_large_is_aborted(self):
        sink = Sink()
        self.serve(lambda request: Answer(sink, size_max=1000))
        with self.assertRaises(TftpError) as caught:
            put(self.port, "up", b"x" * 10_000)
        self.assertEqual(caught.exception.code, 3)
        until(lambda: "abort" in sink.calls)


if __name__ == "__main__":
    unittest.main()
