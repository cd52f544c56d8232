"""Transfers of `bootwire.fbtftp`: what content is asked, what is granted, what callbacks get."""

import gc
import io
import os
import pathlib
import tempfile
import unittest
import weakref

from bootwire.fbtftp import BaseHandler, StringResponseData, constants
from bootwire.fbtftp.netascii import NetasciiReader
from fbtftp_harness import Case, Client, Content, Handler, Journal, eventually, get


class Transfers(Case):
    def test_content_is_read_block_by_block_as_fbtftp_read_it(self):
        for length, asked in [
            (0, [512]),
            (5, [512, 507]),
            (512, [512, 512]),
            (1000, [512, 512, 24]),
        ]:
            with self.subTest(length=length):
                journal = Journal()
                content = Content(os.urandom(length), journal)
                handler = self.handler_class(lambda _, content=content: content)
                with self.serving(handler) as server:
                    got = get(self.address(server), "file")
                    self.assertEqual(got.data, content.data)
                    entries = journal.wait_for(lambda entries: "close" in entries)
                self.assertEqual(entries, [("read", n) for n in asked] + ["close"])

    def test_a_block_is_put_together_from_short_reads(self):
        class Trickle(Content):
            def read(self, n):
                return super().read(min(n, 100))

        data = os.urandom(1300)
        content = Trickle(data)
        with self.serving(self.handler_class(lambda _: content)) as server:
            got = get(self.address(server), "file")
        self.assertEqual((got.data, got.blocks), (data, 3))

    def test_statistics_count_packets_and_bytes(self):
        data = os.urandom(3000)
        options = {"blksize": "1000", "tsize": "0", "timeout": "3"}
        with self.serving(self.handler_class(lambda _: Content(data))) as server:
            got = get(self.address(server), "/dir/file", options)
            stats = self.stats()
        self.assertEqual(got.data, data)
        granted = {"blksize": "1000", "tsize": "3000", "timeout": "3"}
        self.assertEqual(got.options, granted)
        self.assertEqual(list(got.options), list(options), "in the client's order")
        self.assertEqual(stats.error, {})
        self.assertEqual(stats.file_path, "/dir/file")
        self.assertEqual(stats.server_addr, ("127.0.0.1", 0))
        self.assertEqual(stats.peer[0], "127.0.0.1")
        self.assertEqual(stats.blksize, 1000)
        self.assertEqual(dict(stats.options), granted)
        self.assertEqual(dict(stats.options_acked), granted)
        self.assertEqual(dict(stats.options_in), {"mode": "octet"} | options)
        # The OACK, three full blocks, an empty one.
        self.assertEqual((stats.packets_sent, stats.packets_acked), (5, 5))
        self.assertEqual((stats.bytes_sent, stats.retransmits), (3000, 0))
        self.assertGreaterEqual(stats.duration(), 0)

    def test_without_options_there_is_no_oack(self):
        with self.serving(self.handler_class(lambda _: Content(b"x" * 600))) as server:
            got = get(self.address(server), "file")
            stats = self.stats()
        self.assertIsNone(got.options)
        self.assertEqual((stats.packets_sent, stats.packets_acked), (2, 2))
        self.assertEqual(dict(stats.options_in), {"mode": "octet"})
        self.assertEqual(dict(stats.options_acked), {})

    def test_options_without_sense_are_not_granted(self):
        options = {"blksize": "huge", "tsize": "0", "timeout": "0", "unknown": "1"}
        with self.serving(self.handler_class(lambda _: Content(b"abc"))) as server:
            got = get(self.address(server), "file", options)
            stats = self.stats()
        self.assertEqual((got.data, got.options), (b"abc", {"tsize": "3"}))
        self.assertEqual(dict(stats.options_acked), {"tsize": "3"})

    def test_names_of_options_may_be_in_capitals(self):
        with self.serving(self.handler_class(lambda _: Content(b"abc"))) as server:
            got = get(self.address(server), "file", {"BLKSIZE": "1024", "TSize": "0"})
        self.assertEqual(got.options, {"blksize": "1024", "tsize": "3"})

    def test_the_size_is_asked_only_for_clients_that_ask_and_may_be_unknown(self):
        for options, size, granted in [
            ({"blksize": "1024"}, 3, {"blksize": "1024"}),
            ({"tsize": "0"}, None, None),
            ({"tsize": "0"}, 3, {"tsize": "3"}),
        ]:
            with self.subTest(options=options, size=size):
                journal = Journal()
                handler = self.handler_class(
                    lambda _, size=size, journal=journal: Content(b"abc", journal, size)
                )
                with self.serving(handler) as server:
                    got = get(self.address(server), "file", options)
                self.assertEqual((got.data, got.options), (b"abc", granted))
                self.assertEqual(journal.entries.count("size"), int("tsize" in options))

    def test_a_wrong_size_is_told_and_does_not_end_the_transfer(self):
        for length, told, right in [
            (200_000, 1, 1),
            (200_000, 500_000, 500_000),
            # All of it is read with the answer: so its size is known better.
            (1500, 5000, 1500),
        ]:
            with self.subTest(length=length, told=told):
                data = os.urandom(length)
                content = Content(data, size=told)
                handler = self.handler_class(lambda _, content=content: content)
                with self.serving(handler) as server:
                    got = get(self.address(server), "file", {"tsize": "0"})
                self.assertEqual((got.options, got.data), ({"tsize": str(right)}, data))
                self.assertIsNone(got.error)

    def test_the_callback_comes_before_the_content_is_closed(self):
        order = Journal()
        handler = self.handler_class(lambda _: Content(b"abc", order))
        with self.serving(handler, callback=lambda stats: order.note("callback")) as server:
            get(self.address(server), "file")
            entries = order.wait_for(lambda entries: "close" in entries)
        self.assertEqual(entries[-2:], ["callback", "close"])

    def test_content_without_size_and_close_is_enough(self):
        with self.serving(self.handler_class(lambda _: io.BytesIO(b"abc"))) as server:
            got = get(self.address(server), "file", {"tsize": "0"})
            self.assertEqual(self.stats().error, {})
        self.assertEqual((got.data, got.options), (b"abc", None))

    def test_text_bytes_and_paths_are_content(self):
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory, "file")
            file.write_bytes(b"in a file")
            for content, data in [
                (lambda _: StringResponseData("gr\xfc\xdfe\r\n"), b"gr\xfc\xdfe\r\n"),
                (lambda _: StringResponseData(""), b""),
                (lambda _: b"bytes", b"bytes"),
                (lambda _: file, b"in a file"),
            ]:
                with self.subTest(data=data):
                    self.setUp()
                    with self.serving(self.handler_class(content)) as server:
                        options = {"tsize": "0", "blksize": "600"}
                        got = get(self.address(server), "file", options)
                        stats = self.stats()
                    self.assertEqual(got.data, data)
                    if data:
                        self.assertEqual(got.options, {"tsize": str(len(data)), "blksize": "600"})
                    self.assertEqual(stats.bytes_sent, len(data))

    def test_classes_that_say_so_are_asked_for_more_than_a_block(self):
        journal = Journal()

        class Large(Content):
            read_any = True

        content = Large(os.urandom(100_000), journal)
        with self.serving(self.handler_class(lambda _: content)) as server:
            self.assertEqual(get(self.address(server), "file").data, content.data)
        reads = [entry for entry in journal.entries if entry[0] == "read"]
        self.assertLess(len(reads), 50, "blocks are 196")

    def test_a_path_is_handed_on_as_it_was_sent(self):
        for path in ["/a//b", "dir\\file", "caf\xe9", "with space", "./x"]:
            with self.subTest(path=path):
                self.setUp()
                handler = self.handler_class(lambda handler: StringResponseData(handler._path))
                with self.serving(handler) as server:
                    got = get(self.address(server), path)
                self.assertEqual(got.data, path.encode("latin-1"))
                self.assertEqual(self.stats().file_path, path)

    def test_a_client_that_complains_is_in_the_statistics(self):
        with (
            self.serving(self.handler_class(lambda _: Content(b"z" * 2000))) as server,
            Client(self.address(server)) as client,
        ):
            client.ask("file")
            client.hear()
            client.acknowledge(1)
            client.hear()
            client.complain(3, "Disk full")
            stats = self.stats()
        self.assertEqual(stats.error, {"error_code": 3, "error_message": "Disk full"})
        self.assertEqual((stats.packets_sent, stats.packets_acked), (2, 1))
        self.assertEqual(stats.bytes_sent, 1024)

    def test_uploads_are_refused(self):
        with (
            self.serving(self.handler_class(lambda _: Content(b""))) as server,
            Client(self.address(server)) as client,
        ):
            client.ask("file", opcode=2)
            got = client.receive()
        self.assertEqual(got.error[0], constants.ERR_ACCESS_VIOLATION)

    def test_netascii(self):
        text = b"one\ntwo\r\nthree\r"
        wire = b"one\r\ntwo\r\0\r\nthree\r\0"
        for content in (lambda _: Content(text), lambda _: StringResponseData(text.decode())):
            for options, granted in [(None, None), ({"tsize": "0"}, {"tsize": str(len(wire))})]:
                self.setUp()
                with self.serving(self.handler_class(content)) as server:
                    got = get(self.address(server), "file", options, mode="NetASCII")
                    self.assertEqual(dict(self.stats().options_in)["mode"], "netascii")
                self.assertEqual((got.data, got.options), (wire, granted))

    def test_netascii_without_python(self):
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory, "file")
            file.write_bytes(b"one\ntwo\n")
            for content in (b"one\ntwo\n", file):
                with self.serving(self.handler_class(lambda _, c=content: c)) as server:
                    got = get(self.address(server), "file", mode="netascii")
                self.assertEqual(got.data, b"one\r\ntwo\r\n")

    def test_nothing_of_a_handler_is_left(self):
        handlers = []

        def content(handler):
            handlers.append(weakref.ref(handler))
            return Content(b"abc" * 1000)

        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        for base in (Handler, type("Own", (Handler,), {"run": lambda self: BaseHandler.run(self)})):
            with self.serving(self.handler_class(content, base)) as server:
                self.assertEqual(get(self.address(server), "x").data, b"abc" * 1000)
                self.stats()
                self.assertEqual(get(self.address(server), "x", patience=5).data, b"abc" * 1000)
                self.sessions.wait_for_count(2)
                eventually(lambda: not any(made() for made in handlers), "handlers are left")
                self.assertEqual(server._bootwire_serving._endings, {})
            self.setUp()

    def test_a_subclass_decides_about_netascii(self):
        class Raw(BaseHandler):
            def get_response_data(self):
                return Content(b"a\nb")

            def _parse_options(self):
                self._stats.options_in = self._options
                self._options = {}

        with self.serving(Raw) as server:
            self.assertEqual(get(self.address(server), "f", mode="netascii").data, b"a\nb")


class Long(Case):
    """What takes its time."""

    def test_block_numbers_start_over(self):
        data = os.urandom(8) * 66_000
        with self.serving(self.handler_class(lambda _: Content(data))) as server:
            got = get(self.address(server), "file", {"blksize": "8"})
        self.assertEqual((len(got.data), got.blocks), (len(data), 66_001))

    def test_a_client_that_falls_silent_is_given_up(self):
        journal = Journal()
        handler = self.handler_class(lambda _: Content(b"z" * 2000, journal))
        with (
            self.serving(handler, retries=0, timeout=2) as server,
            Client(self.address(server)) as client,
        ):
            client.ask("file")
            client.receive(leave_after=2)
            stats = self.stats()
        self.assertEqual(stats.error["error_code"], constants.ERR_UNDEFINED)
        self.assertRegex(stats.error["error_message"], r"^timeout after \d+ retransmits\.$")
        journal.wait_for(lambda entries: entries[-1] == "close")


class Netascii(unittest.TestCase):
    def test_it_reads_no_more_than_it_gives(self):
        content = Content(b"\n" * 600)
        reader = NetasciiReader(content)
        whole = b""
        while block := reader.read(512):
            self.assertLessEqual(len(block), 512)
            whole += block
        self.assertEqual(whole, b"\r\n" * 600)
        self.assertTrue(all(n <= 512 for kind, n in content.journal.entries))

    def test_measuring_it_keeps_what_it_says(self):
        content = Content(b"a\rb\n" * 1000)
        reader = NetasciiReader(content)
        self.assertEqual(reader.size(), 6000)
        self.assertEqual(reader.size(), 6000)
        self.assertEqual(reader.read(7), b"a\r\0b\r\na")
        self.assertEqual(len(reader.read(10_000)), 5993)
        self.assertEqual(reader.read(10), b"")
        reader.close()
        self.assertEqual(content.journal.entries[-1], "close")


if __name__ == "__main__":
    unittest.main()
