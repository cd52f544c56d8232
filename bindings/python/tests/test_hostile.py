"""Programs that do everything wrong: the server goes on, and clients are told what they may know."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
import time
import unittest

from bootwire import Answer, Refusal
from bootwire._engine import Engine
from wire import TftpError, Transfer, get, put, until


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


class HandlersThatRaise(Hostile):
    def test_whatever_a_handler_raises_the_server_goes_on(self):
        raised: list[BaseException] = [
            Exception("/secret/path"),
            Own("x"),
            SystemExit(3),
            KeyboardInterrupt(),
            GeneratorExit(),
            StopIteration(),
            MemoryError(),
            RecursionError(),
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "/secret/path"),
        ]

        def handler(request):
            raise raised[int(request.path[1:])]

        self.serve(handler)
        for number, error in enumerate(raised):
            refused = self.refused(str(number))
            self.assertEqual((refused.code, refused.text), (0, "Server error, try again"), error)
        self.assertEqual(len(self.logged), len(raised))
        self.assertTrue(all(entry.exc_info for entry in self.logged))
        self.assertEqual(self.record().outcome, "internal")
        self.assertIn("in Python", self.record().detail)

    def test_what_exceptions_say_of_files_is_told(self):
        errors = {
            "gone": (FileNotFoundError(2, "no", "/secret"), 1, "File not found"),
            "dir": (IsADirectoryError(21, "no", "/secret"), 1, "File not found"),
            "denied": (PermissionError(13, "no", "/secret"), 2, "Access denied"),
            "full": (OSError(28, "no", "/secret"), 3, "Disk full"),
            "own": (Refusal(4, "Not like this", detail="/secret"), 4, "Not like this"),
        }

        def handler(request):
            raise errors[request.path[1:]][0]

        self.serve(handler)
        for name, (_, code, text) in errors.items():
            refused = self.refused(name)
            self.assertEqual((refused.code, refused.text), (code, text))
        self.assertEqual(self.logged, [])
        until(lambda: len(self.records) == len(errors))
        self.assertTrue(all("/secret" in record.detail for record in self.records))

    def test_a_refusal_that_cannot_be_is_a_failure(self):
        wrong = [Refusal(99), Refusal(-1), Refusal("x"), Refusal(1, text=5), Refusal(1 << 70)]

        def handler(request):
            raise wrong[int(request.path[1:])]

        self.serve(handler)
        for number in range(len(wrong)):
            self.assertEqual(self.refused(str(number)).code, 0)
        self.assertEqual(len(self.logged), len(wrong))

    def test_a_long_text_is_cut(self):
        def handler(request):
            raise Refusal(1, "x" * 10_000)

        self.serve(handler)
        self.assertLessEqual(len(self.refused().text), 60)

    def test_a_request_whose_repr_raises_is_logged_all_the_same(self):
        class Content:
            def read(self, n):
                raise ValueError("no")

            def __repr__(self):
                raise RuntimeError("no repr either")

        self.serve(lambda request: Content())
        self.assertEqual(self.refused().code, 0)


class WrongAnswers(Hostile):
    def test_what_is_no_content_is_a_failure(self):
        answers = [5, 1.5, True, object(), [b"a"], (b"a",), type, Answer(7), Answer(Answer("x"))]
        self.serve(lambda request: answers[int(request.path[1:])])
        for number in range(len(answers)):
            self.assertEqual(self.refused(str(number)).code, 0, answers[number])
        self.assertEqual(len(self.logged), len(answers))

    def test_terms_that_cannot_be_are_a_failure(self):
        answers = [
            Answer(b"x", blksize_max=-1),
            Answer(b"x", windowsize_max="no"),
            Answer(b"x", resend_min="no"),
            Answer(b"x", machine=object()),
            Answer(io.BytesIO(b"x"), kind=5),
        ]
        self.serve(lambda request: answers[int(request.path[1:])])
        for number in range(len(answers)):
            self.assertEqual(self.refused(str(number)).code, 0)

    def test_a_write_answered_with_content_and_a_read_with_a_sink(self):
        class Sink:
            def write(self, data):
                pass

        self.serve(lambda request: "text" if request.op == "write" else Sink())
        self.assertEqual(self.refused().code, 0)
        with self.assertRaises(TftpError) as caught:
            put(self.port, "up", b"x")
        self.assertEqual(caught.exception.code, 0)

    def test_none_is_no_such_file_and_no_place_for_an_upload(self):
        self.serve(lambda request: None)
        self.assertEqual(self.refused().code, 1)
        with self.assertRaises(TftpError) as caught:
            put(self.port, "up", b"x")
        self.assertEqual(caught.exception.code, 2)
        self.assertEqual(self.logged, [])


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
