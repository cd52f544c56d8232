"""How programs start and stop a server, and what they find in it."""

import os
import signal
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from .raw import Client
from .sides import FBTFTP_PYTHON, Side, wait_for


class Lifecycle(unittest.TestCase):
    maxDiff = None

    def both(self, how, scenario):
        self.assertTrue(FBTFTP_PYTHON.exists(), "run ./test --python, which fetches fbtftp")

        def run(name):
            with Side(name, "lifecycle.py", "JOURNAL", "ADDRESS", "PORT", how) as side:
                return scenario(side)

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(run, ("fbtftp", "bootwire")))

    def same(self, how, scenario):
        theirs, ours = self.both(how, scenario)
        self.assertEqual(theirs, ours, "fbtftp's (-) and Bootwire's (+)")

    def notes_of(self, how):
        """What a program notes that ends by itself."""

        def scenario(side):
            code = side.ended()
            self.assertEqual(code, 0, side.log.read_text())
            return side.notes()

        self.same(how, scenario)

    def answers(self, side, path="name", patience=10):
        with Client(side.server) as client:
            return client.read(path, patience=patience).data

    def served(self, side):
        side.wait("ready")
        self.assertEqual(self.answers(side), b"it is name")
        self.settle(side)

    def settle(self, side):
        """fbtftp's loop may be anywhere after a request, and loses what a signal handler raises in a log call."""
        if side.name == "fbtftp":
            time.sleep(0.3)

    def ends_unless_theirs(self, side):
        """fbtftp's timer starts the next one if it is cancelled while the callback runs."""
        if side.name == "bootwire":
            self.assertEqual(side.ended(), 0)

    def test_attributes(self):
        self.notes_of("attributes")

    def test_classes(self):
        self.notes_of("classes")

    def test_import(self):
        self.notes_of("imported")

    def test_a_port_that_is_taken(self):
        self.notes_of("busy")

    def test_what_is_no_address(self):
        self.notes_of("nowhere")

    def test_an_exception_of_a_signal_handler_leaves_run(self):
        def scenario(side):
            self.served(side)
            side.signal(signal.SIGTERM)
            return side.wait("run raises"), side.wait("threads"), side.ended()

        self.same("terminated", scenario)

    def test_control_c_leaves_run(self):
        def scenario(side):
            self.served(side)
            side.signal(signal.SIGINT)
            return side.wait("run raises"), side.ended()

        self.same("plain", scenario)

    def test_a_signal_handler_runs_at_once_and_the_server_goes_on(self):
        def scenario(side):
            self.served(side)
            begin = time.monotonic()
            side.signal(signal.SIGUSR1)
            side.wait("signal")
            self.assertLess(time.monotonic() - begin, 5)
            self.assertEqual(self.answers(side), b"it is name")
            return side.notes()[-1]

        self.same("noticed", scenario)

    def test_close_in_a_signal_handler(self):
        """fbtftp sees it with the next request; nobody has to wait for one with Bootwire."""

        def scenario(side):
            self.served(side)
            side.signal(signal.SIGTERM)
            if side.name == "fbtftp":
                self.settle(side)
                self.answers(side)
            return side.wait("run returns"), side.ended()

        self.same("closed", scenario)

    def test_close_in_a_handler(self):
        def scenario(side):
            self.served(side)
            self.answers(side, "close", patience=1)
            return side.wait("run returns"), side.ended()

        self.same("plain", scenario)

    def test_run_once(self):
        def scenario(side):
            self.served(side)
            return side.wait("run returns"), side.ended()

        self.same("once", scenario)

    def test_metrics(self):
        def scenario(side):
            side.wait("ready")
            for _ in range(3):
                self.answers(side)
            counted = wait_for(
                "three requests",
                lambda: (
                    sum(
                        note[3].get("process_count", 0)
                        for note in side.notes()
                        if note[0] == "metrics"
                    )
                    == 3
                ),
            )
            first = next(note for note in side.notes() if note[0] == "metrics")
            self.settle(side)
            side.signal(signal.SIGTERM)
            raised = side.wait("run raises")
            self.ends_unless_theirs(side)
            return counted, first[1], first[2], first[4], raised

        self.same("metrics", scenario)

    def test_metrics_that_fail(self):
        def scenario(side):
            side.wait("metrics", count=2)
            self.served(side)
            side.signal(signal.SIGTERM)
            raised = side.wait("run raises")
            self.ends_unless_theirs(side)
            return raised

        os.environ["METRICS"] = "fail"
        self.addCleanup(os.environ.pop, "METRICS")
        self.same("metrics", scenario)

    def test_two_servers(self):
        def scenario(side):
            side.wait("ready")
            first = self.answers(side)
            side.address = "127.0.0.2"
            return first, self.answers(side)

        self.same("twice", scenario)

    def test_a_process_of_multiprocessing_that_is_killed(self):
        def scenario(side):
            self.served(side)
            side.signal(signal.SIGUSR1)
            killed = side.wait("killed")
            return killed, side.ended(), self.answers(side, patience=0.5)

        self.same("child", scenario)

    def test_a_daemon(self):
        def scenario(side):
            side.outlived = True
            (daemon,) = side.wait("daemon")
            try:
                self.served(side)
                os.kill(daemon, signal.SIGTERM)
                return side.wait("run raises")
            finally:
                os.kill(daemon, signal.SIGKILL)

        self.same("daemon", scenario)

    def test_a_server_made_before_fork(self):
        def scenario(side):
            self.served(side)
            return self.answers(side, "other")

        self.same("forked", scenario)


if __name__ == "__main__":
    unittest.main()
