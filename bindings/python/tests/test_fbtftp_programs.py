"""Programs in the style of those that were written for fbtftp: each relies on something else."""

import collections
import contextlib
import io
import logging
import pathlib
import re
import tempfile
import threading
import time
import unittest
import unittest.mock

from bootwire.fbtftp import (
    BaseHandler,
    BaseServer,
    ResponseData,
    SessionStats,
    base_handler,
    base_server,
    constants,
    netascii,
)
from fbtftp_harness import Case, Client, Content, Journal, eventually, get, running


class AProxyThatFetchesInRun(Case):
    """`run()` sets the content or an error, then calls `super().run()`."""

    class Handler(BaseHandler):
        def __init__(self, origin, server_addr, peer, path, options, callback):
            self._origin = origin  # before super, on purpose
            self._seen = []
            super().__init__(server_addr, peer, path, options, callback)

        def get_response_data(self):
            return None  # it must not hold up the accepting process

        def run(self):
            time.sleep(0.05)
            data = self._origin.get(self._path)
            if data is None:
                self._stats.error = {
                    "error_code": constants.ERR_FILE_NOT_FOUND,
                    "error_message": "no such thing",
                }
            else:
                self._response_data = Content(data, self._origin["journal"])
            super().run()
            self._origin["journal"].note(("after", self._stats.packets_sent, self._stats.error))

    class Server(BaseServer):
        def __init__(self, origin, address, port, retries, timeout):
            self.origin = origin
            super().__init__(address, port, retries, timeout, server_stats_callback=None)

        def get_handler(self, server_addr, peer, path, options):
            kind = AProxyThatFetchesInRun.Handler
            return kind(self.origin, server_addr, peer, path, options, self.origin["journal"].note)

    def test_it_serves(self):
        journal = Journal()
        origin = {"journal": journal, "/a": b"x" * 1000}
        server = self.Server(origin, "127.0.0.1", 0, 3, 2)
        with running(server):
            got = get(self.address(server), "/a", {"tsize": "0"})
            self.assertEqual((got.data, got.options), (b"x" * 1000, {"tsize": "1000"}))
            entries = journal.wait_for(lambda entries: ("after", 3, {}) in entries)
            stats = next(entry for entry in entries if isinstance(entry, SessionStats))
            # The callback, then the content's end, and only then what stands after super().run().
            self.assertEqual(entries[-3:], [stats, "close", ("after", 3, {})])
            self.assertEqual((stats.bytes_sent, stats.packets_acked), (1000, 3))

    def test_it_refuses(self):
        journal = Journal()
        server = self.Server({"journal": journal}, "127.0.0.1", 0, 3, 2)
        with running(server):
            got = get(self.address(server), "/b")
            self.assertEqual(got.error, (1, "no such thing"))
            told = {"error_code": 1, "error_message": "no such thing"}
            journal.wait_for(lambda entries: ("after", 0, told) in entries)
            self.assertEqual(journal.entries[0].error, told)

    def test_many_run_at_the_same_time(self):
        barrier = threading.Barrier(20)
        test = self

        class Slow(BaseHandler):
            def get_response_data(self):
                return None

            def run(self):
                barrier.wait(20)  # which it passes only if all 20 are here
                self._response_data = Content(b"abc")
                super().run()

        results = []
        with self.serving(Slow) as server:
            address = test.address(server)
            fetch = lambda: results.append(get(address, "x").data)  # noqa: E731
            clients = [threading.Thread(target=fetch) for _ in range(20)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
        self.assertEqual(results, [b"abc"] * 20)

    def test_there_is_a_limit_to_what_runs(self):
        class Waiting(BaseHandler):
            def get_response_data(self):
                return Content(b"abc")

            def run(self):
                wake.wait(30)
                super().run()

        wake = threading.Event()
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        with (
            unittest.mock.patch.object(base_handler, "_threads", threading.BoundedSemaphore(2)),
            self.serving(Waiting) as server,
        ):
            with contextlib.ExitStack() as stack:
                first = [stack.enter_context(Client(self.address(server))) for _ in range(2)]
                for client in first:
                    client.ask("x")
                eventually(lambda: server._server_stats.get_counter("process_count") == 2)
                self.assertEqual(get(self.address(server), "x").error[1], "Server busy, try again")
                wake.set()
                self.assertEqual([client.receive().data for client in first], [b"abc"] * 2)
            # What has ended makes room.
            self.sessions.wait_for_count(3)
            self.assertEqual(get(self.address(server), "x").data, b"abc")
            self.sessions.wait_for_count(4)


class AServerWithoutCallbacks(Case):
    """The handler's callback is None, and the server's."""

    def test_it_serves(self):
        journal = Journal()
        handler = self.handler_class(lambda _: Content(b"abc", journal))
        with self.serving(handler, callback=None, server_stats_callback=None) as server:
            self.assertEqual(get(self.address(server), "x").data, b"abc")
            journal.wait_for(lambda entries: entries[-1] == "close")
            self.assertIsNone(server._metrics_timer)


class APrefetcher(Case):
    """`read(n)` takes no n larger than its buffer; the timer is cancelled by hand."""

    class Prefetched(ResponseData):
        def __init__(self, data):
            self._data, self._at = data, 0

        def read(self, n):
            if n > 4096:
                raise ValueError("cannot read so much")
            piece = self._data[self._at : self._at + n]
            self._at += len(piece)
            return piece

        def size(self):
            return len(self._data)

        def close(self):
            pass

    def test_it_serves(self):
        data = b"0123456789" * 10_000
        called = Journal()

        def stats_callback(stats: base_server.ServerStats):
            called.note(stats.get_and_reset_all_counters())

        handler = self.handler_class(lambda _: self.Prefetched(data))
        named = {"server_stats_callback": stats_callback, "stats_interval_seconds": 0.05}
        with self.serving(handler, **named) as server:
            for options in (None, {"blksize": "1428"}, {"blksize": "4096"}):
                self.assertEqual(get(self.address(server), "x", options).data, data)
            called.wait_for(lambda all: sum(each.get("process_count", 0) for each in all) == 3)
            server._metrics_timer.cancel()


class AKickstartServer(Case):
    """Overrides `_parse_options` altogether, and ends handlers by hand."""

    class Handler(BaseHandler):
        def get_response_data(self):
            if self._path == "forbidden":
                self._stats.error = {"error_code": 2, "error_message": "not for you"}
                self._transmit_error()
                self._close(test=True)
                self._should_stop = True
                return None
            if self._path == "closed":
                self._stats.error = {"error_code": 2, "error_message": "not for you either"}
                self._transmit_error()
                self._close()
            if self._path == "stopped":
                self._should_stop = True
                return None
            return Content(b"line\n" * 200)

        def _parse_options(self):
            acked = collections.OrderedDict()
            del self._options["retries"]
            del self._options["default_timeout"]
            self._stats.options_in = self._options
            if self._options.get("mode") == "netascii":
                self._response_data = netascii.NetasciiReader(self._response_data)
            elif self._options["mode"] != "octet":
                self._stats.error = {"error_code": 4, "error_message": "what?"}
                self._transmit_error()
                self._close()
                return
            for key, value in self._options.items():
                if key == "blksize":
                    self._block_size = min(int(value), 600)
                    acked["blksize"] = str(self._block_size)
                if key == "tsize":
                    self._tsize = self._response_data.size()
                    acked["tsize"] = str(self._tsize)
                if key == "timeout":
                    self._timeout = int(value)
                    acked["timeout"] = value
            self._options = acked
            self._stats.blksize = self._block_size
            self._stats.options = self._options
            self._stats.options_acked = self._options

    def test_it_grants_what_it_says_and_nothing_else(self):
        options = {"windowsize": "8", "tsize": "0", "blksize": "1428", "timeout": "4"}
        with self.serving(self.Handler) as server:
            got = get(self.address(server), "ks.cfg", options)
            stats = self.stats()
        self.assertEqual(got.options, {"tsize": "1000", "blksize": "600", "timeout": "4"})
        self.assertEqual(got.data, b"line\n" * 200)
        self.assertEqual((stats.blksize, stats.packets_sent), (600, 3))
        self.assertEqual(dict(stats.options_acked), got.options)
        self.assertEqual(dict(stats.options_in), {"mode": "octet"} | options)

    def test_it_converts_by_itself(self):
        with self.serving(self.Handler) as server:
            got = get(self.address(server), "ks.cfg", {"tsize": "0"}, "netascii")
        self.assertEqual((got.options, got.data), ({"tsize": "1200"}, b"line\r\n" * 200))

    def test_it_refuses_before_anything_was_sent(self):
        for path, text in (("forbidden", "not for you"), ("closed", "not for you either")):
            with self.subTest(path=path):
                self.setUp()
                with self.serving(self.Handler) as server:
                    self.assertEqual(get(self.address(server), path).error, (2, text))
                    self.assertEqual(self.stats().error["error_message"], text)
                    # The server lives, and nothing is told twice.
                    self.assertEqual(get(self.address(server), "ks.cfg").data, b"line\n" * 200)
                    self.sessions.wait_for_count(2)
                self.assertEqual(len(self.sessions.entries), 2)

    def test_it_stops_before_anything_was_sent(self):
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        with self.serving(self.Handler) as server:
            got = get(self.address(server), "stopped", {"tsize": "0"})
            self.assertEqual(got.error, (0, "Error while reading from source"))
            self.assertEqual(self.stats().packets_sent, 0)


class AnIpxeServer(Case):
    """A global that all requests share; the second parameter is called otherwise; an attribute."""

    def test_it_serves(self):
        shared = {}
        test = self

        class Handler(BaseHandler):
            def __init__(self, server_addr, peer_addr, path, options, callback):
                shared[path] = shared.get(path, 0) + 1
                super().__init__(server_addr, peer_addr, path, options, callback)

            def get_response_data(self):
                if self._path == "secret":
                    raise PermissionError(13, "Permission denied", "/srv/secret")
                return Content(str(shared[self._path]).encode())

        class Server(BaseServer):
            def get_handler(self, server_addr, peer_addr, path, options):
                test.assertEqual(options["default_timeout"], self._timeout)
                return Handler(server_addr, peer_addr, path, options, None)

        server = Server("127.0.0.1", 0, 3, 2)
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        with running(server):
            got = [get(self.address(server), "a").data for _ in range(3)]
            server._timeout = 3
            self.assertEqual(get(self.address(server), "b").data, b"1")
            self.assertEqual(get(self.address(server), "secret").error, (0, "Permission denied"))
        self.assertEqual(got, [b"1", b"2", b"3"], "a global's changes are kept")


class AServerThatChangesOptions(Case):
    """`options['blksize']` is changed before `super().__init__`."""

    def test_it_serves(self):
        class Handler(BaseHandler):
            def __init__(self, server_addr, peer, path, options, callback):
                if "blksize" in options:
                    options["blksize"] = "512"
                options.pop("tsize", None)
                super().__init__(server_addr, peer, path, options, callback)

            def get_response_data(self):
                return Content(b"x" * 1200)

        with self.serving(Handler) as server:
            got = get(self.address(server), "x", {"blksize": "1428", "tsize": "0"})
            stats = self.stats()
        self.assertEqual((got.options, got.blocks), ({"blksize": "512"}, 3))
        self.assertEqual((stats.blksize, dict(stats.options_acked)), (512, {"blksize": "512"}))


class AProvisioningServer(Case):
    """Content is no subclass of anything; its callback sleeps; the lookup loops on `sleep`."""

    def test_callbacks_and_handlers_that_sleep_hold_up_nobody(self):
        asleep, wake = Journal(), threading.Event()
        self.addCleanup(wake.set)

        def callback(stats):
            if stats.packets_sent > 0:
                asleep.note(stats.file_path)
                wake.wait(30)

        def content(handler):
            while handler._path == "slow" and not wake.is_set():
                time.sleep(0.02)
            return Content(b"abc")

        with (
            self.serving(self.handler_class(content), callback=callback) as server,
            Client(self.address(server)) as slow,
        ):
            slow.ask("slow")
            for number in range(12):
                self.assertEqual(get(self.address(server), f"{number}").data, b"abc")
            asleep.wait_for_count(12)  # all of them at the same time
            wake.set()
            self.assertEqual(slow.receive().data, b"abc")


class AReporter(Case):
    """Every field of the statistics, and the server's counters."""

    def test_it_reports(self):
        reports = Journal()

        class Handler(BaseHandler):
            def __init__(self, server_addr, peer, path, options, callback):
                self._path = "before super"
                self._was = self._path
                super().__init__(server_addr, peer, path, options, callback)

            def get_response_data(self):
                return Content(self._peer[0].encode() + self._path.encode())

        def callback(stats):
            fields = (
                "peer server_addr file_path error options options_in options_acked start_time "
                "packets_sent packets_acked bytes_sent retransmits blksize"
            )
            report = {name: getattr(stats, name) for name in fields.split()}
            reports.note(report | {"duration": stats.duration()})

        def server_callback(stats):
            reports.note((stats.server_addr, stats.interval, stats.get_and_reset_all_counters()))
            reports.note(stats.duration())

        named = {"server_stats_callback": server_callback, "stats_interval_seconds": 0.2}
        with self.serving(Handler, callback=callback, **named) as server:
            self.assertEqual(get(self.address(server), "name").data, b"127.0.0.1name")
            counted = ("127.0.0.1", 0.2, {"process_count": 1})
            entries = reports.wait_for(lambda entries: counted in entries and len(entries) > 2)
            server._server_stats.increment_counter("own", 2)
            reports.wait_for(lambda entries: ("127.0.0.1", 0.2, {"own": 2}) in entries)
        report = next(entry for entry in entries if isinstance(entry, dict))
        self.assertEqual(report["file_path"], "name")
        self.assertEqual(report["bytes_sent"], len("127.0.0.1name"))
        self.assertLess(abs(report["start_time"] - time.time()), 60)


class ACameraServer(Case):
    """`_server_addr`, `dict(self._options)`, and the interval by name."""

    def test_it_serves(self):
        def content(handler):
            options = dict(handler._options)
            return Content(repr((handler._server_addr[0], sorted(options))).encode())

        with self.serving(self.handler_class(content), stats_interval_seconds=7) as server:
            got = get(self.address(server), "x", {"tsize": "0"})
            self.assertEqual(server._server_stats.interval, 7)
        told = ("127.0.0.1", ["default_timeout", "mode", "retries", "tsize"])
        self.assertEqual(got.data, repr(told).encode())


class TheExampleOfTheReference(Case):
    """The program on the page about this interface."""

    PAGE = pathlib.Path(__file__).parents[3] / "docs/reference/fbtftp.md"

    def test_it_serves(self):
        example = re.search(r"```python\n(.*?)```", self.PAGE.read_text(), re.DOTALL)
        names = {}
        exec(compile(example[1], str(self.PAGE), "exec"), names)
        printed = io.StringIO()
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            (root / "vmlinuz").write_bytes(b"kernel" * 1000)
            server = names["Server"]("127.0.0.1", 0, root)
            with contextlib.redirect_stdout(printed), running(server):
                got = get(self.address(server), "/boot/vmlinuz", {"tsize": "0", "blksize": "1428"})
                self.assertEqual(got.data, b"kernel" * 1000)
                self.assertEqual(got.options, {"tsize": "6000", "blksize": "1428"})
                eventually(lambda: printed.getvalue())
        self.assertEqual(printed.getvalue(), "127.0.0.1 /boot/vmlinuz 6000 ok\n")


if __name__ == "__main__":
    unittest.main()
