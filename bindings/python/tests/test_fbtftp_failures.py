"""What goes wrong in handlers of `bootwire.fbtftp`, and what clients and callbacks hear of it."""

import logging
import threading
import unittest
import unittest.mock

from bootwire.fbtftp import BaseHandler, StringResponseData, _engine
from fbtftp_harness import Case, Client, Content, Handler, Journal, get


class Quiet(Case):
    """Tests whose logs are of no interest."""

    def setUp(self):
        super().setUp()
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def refused(self, handler, path="/boot/x", options=None, **named):
        with self.serving(handler, **named) as server:
            return get(self.address(server), path, options)

    def raising(self, error):
        def content(_):
            raise error

        return self.handler_class(content)


class Failures(Quiet):
    def test_exceptions_become_the_codes_of_fbtftp_without_paths(self):
        for error, code, text in [
            (FileNotFoundError(2, "No such file", "/srv/secret/x"), 1, "No such file"),
            (FileNotFoundError("/srv/secret/x is gone"), 1, "File not found"),
            (FileNotFoundError("no such machine"), 1, "no such machine"),
            (FileNotFoundError("/boot/x is not here"), 1, "/boot/x is not here"),
            (PermissionError(13, "Permission denied", "/srv/secret/x"), 0, "Permission denied"),
            (ValueError("bad MAC address"), 0, "bad MAC address"),
            (ValueError("in C:\\secret"), 0, "Server error, try again"),
            (RuntimeError("see http://secret/x"), 0, "Server error, try again"),
            (ValueError(), 0, "Server error, try again"),
            (KeyError("machine"), 0, "Server error, try again"),
            (AttributeError("no attribute _secret"), 0, "Server error, try again"),
        ]:
            with self.subTest(error=error):
                self.setUp()
                got = self.refused(self.raising(error))
                self.assertEqual(got.error, (code, text))
                # The callback is the program's own: it gets everything.
                told = {"error_code": code, "error_message": str(error)}
                stats = self.stats()
                self.assertEqual(stats.error, told)
                self.assertEqual((stats.packets_sent, stats.bytes_sent), (0, 0))
                self.assertEqual((stats.options_in, stats.options_acked), ({}, {}))

    def test_what_a_read_raises_ends_the_transfer(self):
        class Failing(Content):
            def read(self, n):
                if self.at >= 1024:
                    raise OSError("/srv/secret: the disk is gone")
                return super().read(n)

        journal = Journal()
        got = self.refused(self.handler_class(lambda _: Failing(b"x" * 5000, journal)))
        self.assertEqual(got.error, (0, "Error while reading from source"))
        # What was read before the error may have gone out or not: blocks are read ahead.
        self.assertLessEqual(len(got.data), 1024)
        told = {"error_code": 0, "error_message": "Error while reading from source"}
        self.assertEqual(self.stats().error, told)
        journal.wait_for(lambda entries: entries[-1] == "close")

    def test_what_is_no_bytes_ends_the_transfer(self):
        for piece in (None, "text", 5):
            with self.subTest(piece=piece):
                self.setUp()

                class Wrong(Content):
                    def read(self, n, piece=piece):
                        return piece

                got = self.refused(self.handler_class(lambda _, kind=Wrong: kind(b"")))
                self.assertEqual(got.error, (0, "Error while reading from source"))
                self.assertEqual(self.stats().error["error_code"], 0)

    def test_what_is_no_content_ends_the_request(self):
        for content in ("text", 5, object(), Content):
            with self.subTest(content=content):
                self.setUp()
                got = self.refused(self.handler_class(lambda _, content=content: content))
                self.assertEqual(got.error, (0, "Error while reading from source"))
                self.assertEqual(self.stats().error["error_code"], 0)

    def test_sizes_that_are_none(self):
        for size in (-1, 10**30, "many", 2.5, True, b"3"):
            with self.subTest(size=size):
                handler = self.handler_class(lambda _, size=size: Content(b"abc", size=size))
                got = self.refused(handler, options={"tsize": "0"})
                self.assertEqual((got.data, got.error), (b"abc", None))

    def test_bytearrays_and_views_are_bytes(self):
        for kind in (bytearray, memoryview):
            with self.subTest(kind=kind):

                class Other(Content):
                    def read(self, n, kind=kind):
                        return kind(super().read(n))

                got = self.refused(self.handler_class(lambda _, cls=Other: cls(b"x" * 700)))
                self.assertEqual(got.data, b"x" * 700)

    def test_nothing_is_answered_as_fbtftp_answered_it(self):
        for options in (None, {"blksize": "1024"}, {"tsize": "0"}):
            for mode in ("octet", "netascii"):
                with self.subTest(options=options, mode=mode):
                    self.setUp()
                    with self.serving(self.handler_class(lambda _: None)) as server:
                        got = get(self.address(server), "x", options, mode)
                    self.assertEqual(got.error, (0, "Error while reading from source"))
                    self.assertEqual(self.stats().error["error_code"], 0)

    def test_what_size_raises_is_an_error_and_no_silence(self):
        class Sizeless(Content):
            def size(self):
                raise ValueError("no idea")

        journal = Journal()
        handler = self.handler_class(lambda _: Sizeless(b"abc", journal))
        got = self.refused(handler, options={"tsize": "0"})
        self.assertEqual(got.error, (0, "no idea"))
        self.assertEqual(self.stats().error, {"error_code": 0, "error_message": "no idea"})
        journal.wait_for(lambda entries: entries == ["close"])

    def test_what_a_callback_raises_is_logged_and_the_content_closed(self):
        for error in (ValueError, SystemExit):
            with self.subTest(error=error):
                journal = Journal()

                def callback(stats, error=error):
                    raise error("in the callback")

                handler = self.handler_class(lambda _, journal=journal: Content(b"abc", journal))
                with self.serving(handler, callback=callback) as server:
                    self.assertEqual(get(self.address(server), "x").data, b"abc")
                    journal.wait_for(lambda entries: entries[-1] == "close")
                    # It still serves.
                    self.assertEqual(get(self.address(server), "x").data, b"abc")

    def test_what_close_raises_is_logged(self):
        class Stubborn(Content):
            def close(self):
                super().close()
                raise OSError("cannot")

        journal = Journal()
        handler = self.handler_class(lambda _: Stubborn(b"abc", journal))
        with self.serving(handler) as server:
            self.assertEqual(get(self.address(server), "x").data, b"abc")
            journal.wait_for(lambda entries: entries[-1] == "close")
            self.assertEqual(get(self.address(server), "x").data, b"abc")

    def test_what_an_override_raises_ends_only_its_request(self):
        harmless = (
            *("_close", "_on_close", "run_once", "on_new_data", "_transmit_data"),
            *("_get_listener", "_handle_ack", "_handle_timeout"),
        )
        for name in (
            *("_parse_options", "_transmit_error", "_close", "_on_close", "run", "run_once"),
            *("on_new_data", "_next_block", "_transmit_data", "_transmit_oack", "start"),
            *("_get_listener", "_reset_timeout", "_handle_ack", "_handle_timeout"),
        ):
            with self.subTest(name=name):

                def broken(handler, *_):
                    raise ValueError("/broken")

                kind = self.handler_class(lambda _: Content(b"abc"))
                if name == "_transmit_error":
                    kind = self.raising(ValueError("no"))
                kind = type("Broken", (kind,), {name: broken})
                with self.serving(kind) as server:
                    got = get(self.address(server), "x", {"blksize": "1024"})
                    if got.error is None:
                        # It came too late to spoil it, or was never called.
                        self.assertEqual(got.data, b"abc")
                        self.assertIn(name, harmless)
                    else:
                        self.assertEqual(got.error[0], 0)
                        self.assertNotIn("/", got.error[1])
                        self.assertNotIn("broken", got.error[1])
                    # The server lives.
                    get(self.address(server), "x")

    def test_a_handler_that_cannot_be_made_is_an_error(self):
        def get_handler(*_):
            raise PermissionError("/srv/secret")

        with self.serving(get_handler) as server:
            got = get(self.address(server), "x")
            self.assertEqual(got.error, (0, "Server error, try again"))
            self.assertEqual(server._server_stats.get_counter("process_count"), 1)


class Handlers(Quiet):
    def test_no_handler_is_no_answer(self):
        with self.serving(lambda *_: None) as server:
            got = get(self.address(server), "x", patience=1.0)
            self.assertTrue(got.silent)
            self.assertEqual(server._server_stats.get_counter("process_count"), 0)

    def test_a_handler_that_never_called_super_is_an_error(self):
        class Careless(BaseHandler):
            def __init__(self, *_):
                pass

        self.assertEqual(self.refused(Careless).error, (0, "Server error, try again"))

    def test_one_handler_for_two_requests_is_an_error(self):
        kept = []

        def get_handler(*arguments):
            if not kept:
                kept.append(Handler(*arguments))
            return kept[0]

        Handler.content = staticmethod(lambda _: Content(b"abc"))
        self.addCleanup(delattr, Handler, "content")
        with self.serving(get_handler) as server:
            self.assertEqual(get(self.address(server), "x").data, b"abc")
            self.assertEqual(get(self.address(server), "x").error[0], 0)

    def test_a_handler_has_no_life_without_a_server(self):
        options = {"default_timeout": 2, "retries": 3, "mode": "octet"}
        kind = self.handler_class(lambda _: StringResponseData("abc"))
        handler = kind(("127.0.0.1", 69), ("127.0.0.1", 7), "x", options, self.callback)
        self.assertEqual(handler._response_data.read(10), b"abc")
        with self.assertRaises(RuntimeError):
            handler.start()
        handler._close(test=True)
        self.assertEqual(self.stats().file_path, "x")
        with self.assertRaises(SystemExit):
            handler._close()
        self.assertEqual(len(self.sessions.entries), 1, "the callback is called once")

    def test_sys_exit_with_content(self):
        def leave(_):
            raise SystemExit(3)

        closed = Journal()
        kind = self.handler_class(lambda _: Content(b"abc", closed))
        for name in ("_parse_options", "run"):
            with self.subTest(name=name):
                closed = Journal()
                with self.serving(type("Leaving", (kind,), {name: leave})) as server:
                    self.assertTrue(get(self.address(server), "x", patience=1.0).silent)
                    closed.wait_for(lambda entries: entries == ["close"])

    def test_sys_exit_ends_one_request(self):
        def content(_):
            raise SystemExit(3)

        with self.serving(self.handler_class(content)) as server:
            self.assertTrue(get(self.address(server), "x", patience=1.0).silent)
            self.assertTrue(server._bootwire_serving is not None)

    def test_a_client_that_is_gone_before_the_answer(self):
        wake, closed = threading.Event(), Journal()

        def content(handler):
            if handler._path == "slow":
                asked.set()
                wake.wait(30)
            return Content(b"abc", closed if handler._path == "slow" else None)

        for run in ({}, {"run": lambda handler: BaseHandler.run(handler)}):
            self.setUp()
            wake, closed, asked = threading.Event(), Journal(), threading.Event()
            kind = type("Slow", (self.handler_class(content),), run)
            with self.serving(kind) as server, Client(self.address(server)) as client:
                client.ask("slow")
                asked.wait(30)
                # From the same port: the first request is given up.
                client.ask("quick")
                self.assertEqual(client.receive().data, b"abc")
                self.assertEqual(self.stats().file_path, "quick")
                wake.set()
                closed.wait_for(lambda entries: "close" in entries)
                stats = self.sessions.wait_for_count(2)[1]
            self.assertEqual(stats.file_path, "slow")
            self.assertEqual((stats.packets_sent, stats.error["error_code"]), (0, 0))

    def test_records_that_are_lost(self):
        closed = Journal()
        kind = self.handler_class(lambda _: Content(b"abc", closed))
        with (
            unittest.mock.patch.object(_engine.Serving, "_observe", lambda *_: None),
            unittest.mock.patch.object(_engine, "_RECORD_LATE", 0.0),
        ):
            with self.serving(kind) as server:
                for _ in range(2):
                    self.assertEqual(get(self.address(server), "x").data, b"abc")
                # The second one's end is when the first one is missed.
                closed.wait_for(lambda entries: "close" in entries)
            # And the end of the server.
            closed.wait_for(lambda entries: entries.count("close") == 2)
        messages = {stats.error["error_message"] for stats in self.sessions.wait_for_count(2)}
        self.assertEqual(messages, {"how the transfer ended is not known"})


class Clients(Quiet):
    def test_options_of_a_client_are_not_the_server_s(self):
        seen = Journal()

        def content(handler):
            seen.note(dict(handler._options))
            return Content(b"abc")

        options = {"retries": "1000000", "default_timeout": "1", "mode": "mail", "blksize": "512"}
        with self.serving(self.handler_class(content), retries=4, timeout=2) as server:
            self.assertEqual(get(self.address(server), "x", options).data, b"abc")
        told = {"mode": "octet", "default_timeout": 2, "retries": 4, "blksize": "512"}
        self.assertEqual(seen.entries, [told])

    def test_options_of_any_length(self):
        for name in ("blksize", "tsize", "timeout", "windowsize", "retries", "x"):
            for value in ("9" * 480, "-1", "", " 5", "\xb2"):
                with self.subTest(name=name, value=value):
                    handler = self.handler_class(lambda _: Content(b"abc"))
                    got = self.refused(handler, options={name: value})
                    self.assertEqual((got.data, got.error), (b"abc", None))

    def test_a_stranger_s_packets_do_not_end_a_transfer(self):
        with (
            self.serving(self.handler_class(lambda _: Content(b"z" * 2000))) as server,
            Client(self.address(server)) as client,
            Client(self.address(server)) as other,
        ):
            client.ask("file")
            client.hear()
            other.peer = client.peer
            other.acknowledge(1)
            other.complain(0, "stop it")
            client.acknowledge(1)
            opcode, number, _ = client.hear()
        self.assertEqual((opcode, number), (3, 2))


if __name__ == "__main__":
    unittest.main()
