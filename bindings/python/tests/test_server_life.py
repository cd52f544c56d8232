"""The framework: uploads, start and stop, configurations."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
import unittest
from pathlib import Path

from bootwire import FileSink, Refusal, Request, Server, _bootwire
from wire import TftpError, get, put, until


class Uploads(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self.app = Server("127.0.0.1:0")

    def test_a_body_comes_whole(self):
        stored = {}

        @self.app.write("/up/{name}", size_max=100_000)
        def upload(name: str, body: bytes) -> None:
            if name == "no":
                raise Refusal.exists()
            stored[name] = body

        @self.app.write("/async/{name}")
        async def later(name: str, request: Request, data: bytes) -> None:
            await asyncio.sleep(0)
            stored[name] = data

        self.app.call("/up/called", b"called")
        with self.app:
            put(self.app.port, "up/a", b"a" * 70_000, {"blksize": 8192})
            put(self.app.port, "async/b", b"")
            for name, size, code in (("up/no", 5, 6), ("up/large", 100_001, 3)):
                with self.assertRaises(TftpError) as caught:
                    put(self.app.port, name, b"x" * size)
                self.assertEqual(caught.exception.code, code)
                with self.assertRaises(Refusal) as refused:
                    self.app.call(f"/{name}", b"x" * size)
                self.assertEqual(refused.exception.code, code)
        self.assertEqual(stored, {"called": b"called", "a": b"a" * 70_000, "b": b""})

    def test_a_path_is_replaced_at_once_or_not_at_all(self):
        @self.app.write("/{name}")
        def upload(name: str) -> Path:
            return self.root / name

        with self.app:
            put(self.app.port, "a", b"first")
            put(self.app.port, "a", b"second" * 1000)
            put(self.app.port, "a", b"x" * 5000, stop_after=2)
            until(lambda: sorted(os.listdir(self.root)) == ["a"])
            self.assertEqual((self.root / "a").read_bytes(), b"second" * 1000)
        (self.root / "dir").mkdir()
        with self.assertRaises(IsADirectoryError):
            self.app.call("/dir", b"x")
        self.assertEqual(sorted(os.listdir(self.root)), ["a", "dir"])

    def test_a_file_and_an_asynchronous_sink(self):
        done = threading.Event()

        class Sink:
            def __init__(self):
                self.data = b""

            async def write(self, data):
                await asyncio.sleep(0)
                self.data += data

            async def finish(self):
                done.set()

        sink = Sink()
        self.app.write("/file", size_max=1 << 20)(
            lambda: open(self.root / "file", "wb")  # noqa: SIM115 - closed when the upload ends
        )
        self.app.write("/sink")(lambda: sink)
        with self.app:
            put(self.app.port, "file", b"x" * 100_000)
            put(self.app.port, "sink", b"y" * 100_000)
        self.assertEqual((self.root / "file").read_bytes(), b"x" * 100_000)
        self.assertTrue(done.is_set() and sink.data == b"y" * 100_000)
        with self.assertRaises(Refusal):
            self.app.call("/file", b"x" * ((1 << 20) + 1))

    def test_a_sink_of_a_directory_that_is_not_there(self):
        with self.assertRaises(FileNotFoundError):
            FileSink(self.root / "no" / "file")


class Life(unittest.TestCase):
    def test_it_starts_and_stops_any_number_of_times(self):
        app = Server("127.0.0.1:0")
        app.read("/x")(lambda: "x")
        for _ in range(3):
            with app:
                self.assertTrue(app.running)
                self.assertEqual(get(app.port, "x"), b"x")
                with self.assertRaises(RuntimeError):
                    app.start()
                with self.assertRaises(RuntimeError):
                    app.read("/late")
                    app.read("/late")(lambda: "")
                self.assertEqual(app.stats()["reads"], 1)
            self.assertFalse(app.running)
            self.assertEqual(app.stop(), (0, 0))
        with self.assertRaises(RuntimeError):
            _ = app.port

    def test_a_port_that_is_taken_is_an_os_error(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            app = Server(f"127.0.0.1:{taken.getsockname()[1]}")
            with self.assertRaises(OSError) as caught:
                app.start()
            self.assertIn("cannot listen on", str(caught.exception))
            self.assertFalse(app.running)
        with app:
            self.assertTrue(app.running)

    def test_settings_that_cannot_be_are_errors_at_once(self):
        for wrong in (
            {"wrokers": 1},
            {"workers": "x"},
            {"workers": -1},
            {"ports": 5},
            {"deadline": -1.0},
            {"deadline": float("nan")},
            {"allow": ["10.0.0.0/99"]},
            {"blksize_max": 1 << 20},
        ):
            with self.subTest(wrong), self.assertRaises((TypeError, ValueError, OverflowError)):
                Server("127.0.0.1:0", **wrong)
        with self.assertRaises(ValueError):
            Server("nonsense").start()
        with self.assertRaises(ValueError):
            Server().start()
        with self.assertRaises(ValueError):
            Server("127.0.0.1:0", ports=(5, 1)).start()

    def test_sockets_of_the_program_are_served_and_stay_its_own(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind(("127.0.0.1", 0))
            app = Server(sockets=[own])
            app.read("/x")(lambda: "x")
            for _ in range(2):
                with app:
                    self.assertEqual(get(own.getsockname()[1], "x"), b"x")
            self.assertGreater(own.fileno(), 0)

    def test_all_protocols_at_once(self):
        app = Server("[::]:0")
        peers = []
        app.read("/x")(lambda request: peers.append(request.peer) or "x")
        with app:
            self.assertEqual(get(app.port, "x"), b"x")
            self.assertEqual(get(app.port, "x", host="::1"), b"x")
        self.assertEqual([len(peer) for peer in peers], [2, 4])
        self.assertEqual([peer[0] for peer in peers], ["127.0.0.1", "::1"])

    def test_a_running_transfer_is_seen(self):
        app = Server("127.0.0.1:0")
        seen = []

        @app.read("/x")
        def handler():
            seen.extend(app.transfers())
            return "x"

        with app:
            get(app.port, "x")
        self.assertEqual([transfer["path"] for transfer in seen], ["/x"])


@unittest.skipUnless(_bootwire.SITES, "this build serves no configurations")
class Configured(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self.config = self.root / "bootwire.toml"
        self.config.write_text(
            """
listen = ["127.0.0.1:0"]

[[route]]
path = "/motd"
text = "configured"
"""
        )

    def test_routes_of_python_stand_before_those_of_a_configuration(self):
        app = Server.from_config(self.config)
        records = []
        app.read("/own/{name}")(lambda name: f"own {name}")
        app.observe(records.append)
        with app:
            self.assertEqual(get(app.port, "motd"), b"configured")
            self.assertEqual(get(app.port, "own/x"), b"own x")
            with self.assertRaises(TftpError) as caught:
                get(app.port, "missing")
            self.assertEqual(caught.exception.code, 1)
        self.assertEqual(len(records), 3)

    def test_a_configuration_that_is_followed(self):
        app = Server.from_config(self.config)
        with app:
            self.assertEqual(get(app.port, "motd"), b"configured")
            changed = self.config.read_text().replace("configured", "changed")
            (self.root / "new").write_text(changed)
            os.replace(self.root / "new", self.config)
            until(lambda: get(app.port, "motd") == b"changed")

    def test_one_that_is_wrong_says_where(self):
        self.config.write_text("lisen = 5\n")
        with self.assertRaises(ValueError) as caught:
            Server.from_config(self.config).start()
        self.assertIn("lisen", str(caught.exception))

    def test_a_fallback_is_the_configuration_s(self):
        with self.assertRaises(ValueError):
            Server.from_config(self.config).fallback(lambda: "")


if __name__ == "__main__":
    unittest.main()
