"""Handlers of `bootwire.fbtftp` that have methods of their own."""

import logging
import os
import threading
import time
import unittest

from bootwire.fbtftp import BaseHandler
from fbtftp_harness import Case, Client, Content, Journal, get


class Overrides(Case):
    """Other methods that a subclass can have of its own."""

    def test_next_block(self):
        class Handler(BaseHandler):
            def get_response_data(self):
                return Content(b"abc" * 400)

            def _next_block(self):
                super()._next_block()
                self._current_block = bytes(self._current_block).upper()

        for options in (None, {"blksize": "100"}):
            with self.serving(Handler) as server:
                self.assertEqual(get(self.address(server), "x", options).data, b"ABC" * 400)

    def test_a_copy_of_the_loop(self):
        order = Journal()

        class Handler(BaseHandler):
            def get_response_data(self):
                return Content(b"abc" * 400, order)

            def run(self):
                self._parse_options()
                if self._options:
                    self._transmit_oack()
                else:
                    self._next_block()
                    self._transmit_data()
                while not self._should_stop:
                    self.run_once()
                self._close()
                order.note("never")

        for options in (None, {"blksize": "100"}):
            self.setUp()
            with self.serving(Handler) as server:
                self.assertEqual(get(self.address(server), "x", options).data, b"abc" * 400)
                self.assertEqual(self.stats().bytes_sent, 1200)
                order.wait_for(lambda entries: entries[-1] == "close")
        self.assertNotIn("never", order.entries)

    def test_a_start_of_its_own(self):
        class Handler(BaseHandler):
            def get_response_data(self):
                return Content(b"abc" * 1000, order)

            def start(self):
                threading.Thread(target=self.run).start()

        class Copied(Handler):
            def run(self):
                self._parse_options()
                self._transmit_data()
                while not self._should_stop:
                    self.run_once()
                self._close()

        for kind in (Handler, Copied):
            self.setUp()
            order = Journal()
            with self.serving(kind) as server, Client(self.address(server)) as client:
                client.ask("x")
                client.hear()
                time.sleep(0.3)
                client.acknowledge(1)
                self.assertNotIn("close", order.entries, "it is not over")
                client.hear()
                client.acknowledge(2)
                for number in range(3, 7):
                    self.assertEqual(client.hear()[:2], (3, number))
                    client.acknowledge(number)
                self.assertEqual(self.stats().bytes_sent, 3000)
                order.wait_for(lambda entries: entries[-1] == "close")

    def test_what_processes_had(self):
        handlers = []

        class Handler(BaseHandler):
            def get_response_data(self):
                handlers.append(self)
                return Content(b"abc")

        with self.serving(Handler) as server, Client(self.address(server)) as client:
            client.ask("x")
            client.hear()
            (handler,) = handlers
            handler.join(0.01)
            self.assertTrue(handler.is_alive() and handler.daemon)
            self.assertEqual(handler.pid, os.getpid())
            client.acknowledge(1)
            handler.join()
            self.assertFalse(handler.is_alive())

    def test_ends(self):
        order = Journal()

        class Handler(BaseHandler):
            def get_response_data(self):
                return Content(b"abc", order)

            def _on_close(self):
                order.note("_on_close")
                super()._on_close()

            def _close(self, test=False):
                order.note("_close")
                super()._close(test)

        callback = lambda _: order.note("callback")  # noqa: E731
        with self.serving(Handler, callback=callback) as server:
            self.assertEqual(get(self.address(server), "x").data, b"abc")
            order.wait_for(lambda entries: entries[-1] == "close")
        ends = [entry for entry in order.entries if isinstance(entry, str)]
        self.assertEqual(ends, ["_close", "_on_close", "callback", "close"])

    def test_stopping_in_the_middle(self):
        class Stopping(Content):
            def read(self, n):
                if self.at >= 1000:
                    self.handler._should_stop = True
                return super().read(n)

        def content(handler):
            data = Stopping(b"x" * 5_000_000, closed)
            data.handler = handler
            return data

        closed = Journal()
        with self.serving(self.handler_class(content)) as server:
            with Client(self.address(server), patience=1.0) as client:
                client.ask("x")
                got = client.receive()
            self.assertLess(len(got.data), 5_000_000)
            closed.wait_for(lambda entries: entries[-1] == "close")
            self.assertEqual(len(self.sessions.entries), 1)

    def test_an_own_packet_from_a_socket_of_the_handler(self):
        class Handler(BaseHandler):
            def get_response_data(self):
                raise ValueError("no")

            def _transmit_error(self):
                self._get_listener().sendto(b"\0\5\0\7own words\0", self._peer)

        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        with self.serving(Handler) as server:
            self.assertEqual(get(self.address(server), "x").error, (7, "own words"))
            self.assertEqual(self.stats().error["error_message"], "no")

    def test_something_else_that_serves_by_itself(self):
        started = Journal()

        class Own:
            def start(self):
                started.note(self.daemon)

        with self.serving(lambda *_: Own()) as server:
            self.assertTrue(get(self.address(server), "x", patience=1.0).silent)
        self.assertEqual(started.entries[0], True)


if __name__ == "__main__":
    unittest.main()
