"""The framework: routes, parameters, answers, uploads, life."""

from __future__ import annotations

import asyncio
import enum
import io
import os
import pathlib
import socket
import tempfile
import threading
import unittest
import uuid
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Optional, Union

from bootwire import Answer, Directory, FileSink, MacAddr, Refusal, Request, Server, _bootwire
from wire import TftpError, get, get_with_options, put, until


class Release(enum.Enum):
    STABLE = "stable"
    EDGE = "edge"


class Parameters(unittest.TestCase):
    def setUp(self) -> None:
        self.app = Server()

    def test_they_are_filled_by_name_as_annotated(self):
        seen = []

        @self.app.read("/{site}/{n:int}/{mac}/{ip}/{uuid}/{*rest}")
        def handler(
            request: Request,
            site,
            n: int,
            mac: MacAddr,
            ip: Union[IPv4Address, IPv6Address],  # noqa: UP007 - as older programs write it
            uuid: uuid.UUID,
            rest: PurePosixPath,
            other: str = "default",
        ):
            seen.append((site, n, mac, ip, uuid, rest, other, request.route))
            return ""

        number = "12345678-1234-1234-1234-123456789abc"
        self.app.call(f"/lab/007/52-54-00-12-34-AB/10.0.0.7/{number}/a/b.cfg")
        self.assertEqual(
            seen,
            [
                (
                    "lab",
                    7,
                    "52:54:00:12:34:ab",
                    IPv4Address("10.0.0.7"),
                    uuid.UUID(number),
                    PurePosixPath("a/b.cfg"),
                    "default",
                    "/{site}/{n:int}/{mac}/{ip}/{uuid}/{*rest}",
                )
            ],
        )
        self.assertIsInstance(seen[0][2], MacAddr)

    def test_bytes_are_what_was_sent(self):
        @self.app.read("/{mac}/{name}")
        def handler(mac: bytes, name: bytes):
            return mac + b" " + name

        self.assertEqual(
            self.app.call(b"/5254.0012.34AB/\xff\xfe").content, b"5254.0012.34AB \xff\xfe"
        )

    def test_other_annotations(self):
        @self.app.read("/{release}/{arch:name}/{size}/{path}")
        def handler(
            release: Release,
            arch: Literal["x86", "arm"],
            size: Optional[int],  # noqa: UP045 - as older programs write it
            path: Annotated[Path, "noted"],
        ):
            return repr((release, arch, size, path))

        self.assertEqual(
            self.app.call("/edge/arm/5/x").text,
            repr((Release.EDGE, "arm", 5, pathlib.PosixPath("x"))),
        )

    def test_a_value_that_does_not_fit_is_the_name_of_no_file(self):
        @self.app.read("/{number}/{release}")
        def handler(number: int, release: Release):
            return "never"

        for name in ("/x/edge", "/5/no"):
            with self.assertRaises(Refusal) as caught:
                self.app.call(name)
            self.assertEqual(caught.exception.code, 1)

    def test_what_nothing_fills_is_an_error_where_it_is_written(self):
        def unknown(nmae):
            return ""

        def untypable(name: socket.socket):
            return ""

        for function in (unknown, untypable):
            with self.assertRaises(TypeError) as caught:
                self.app.read("/{name}")(function)
            self.assertIn("name", str(caught.exception))
        for pattern in ("no-slash", "/{", "/{a}{a}", "/{x:no}"):
            with self.assertRaises(ValueError):
                self.app.read(pattern)
        with self.assertRaises(TypeError):
            self.app.read(unknown)

    def test_methods_callables_and_lambdas_are_handlers(self):
        class Site:
            def method(self, name: int) -> str:
                return f"method {name + 1}"

            def __call__(self, name: int) -> str:
                return f"call {name + 1}"

        self.app.read("/m/{name}")(Site().method)
        self.app.read("/c/{name}")(Site())
        self.app.read("/l/{name}")(lambda name: f"lambda {name}")
        self.assertEqual(self.app.call("/m/1").text, "method 2")
        self.assertEqual(self.app.call("/c/1").text, "call 2")
        self.assertEqual(self.app.call("/l/1").text, "lambda 1")

    def test_the_first_route_that_matches_answers_and_a_fallback_the_rest(self):
        self.app.read("/a")(lambda: "one")
        self.app.read("/{name}")(lambda name: "two")
        self.app.fallback(lambda request: f"rest {request.path}")
        self.assertEqual(self.app.call("a").text, "one")
        self.assertEqual(self.app.call("b").text, "two")
        self.assertEqual(self.app.call("b/c").text, "rest /b/c")
        with self.assertRaises(ValueError):
            self.app.fallback(lambda: "")
        with self.assertRaises(Refusal) as caught:
            self.app.call("b", b"body")
        self.assertEqual(caught.exception.code, 2)


class Calls(unittest.TestCase):
    """What `Server.call` tells is what a client gets."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        (self.root / "image").write_bytes(os.urandom(300_000))
        (self.root / "sub").mkdir()
        (self.root / "sub" / "motd").write_text("hello\n")
        (self.root / "out").symlink_to("/etc/passwd")
        files = Directory(self.root)
        self.app = app = Server("127.0.0.1:0")
        app.directory("/dir/{*name}", files)

        @app.read("/text")
        def text() -> str:
            return "grüße\n"

        @app.read("/bytes")
        def data() -> bytes:
            return b"\0\1"

        @app.read("/path")
        def path() -> Path:
            return self.root / "image"

        @app.read("/file")
        def file() -> io.BufferedReader:
            return open(self.root / "image", "rb")

        @app.read("/generator")
        def generator():
            for number in range(10_000):
                yield f"{number}\n"

        @app.read("/agenerator")
        async def agenerator():
            for number in range(100):
                await asyncio.sleep(0)
                yield f"{number}\n"

        @app.read("/async")
        async def coroutine() -> str:
            await asyncio.sleep(0.001)
            return "async"

        @app.read("/files/{*name}")
        def files_in(name: str):
            return files / name

        @app.read("/none")
        def none():
            return None

        @app.read("/missing")
        def missing() -> Path:
            return self.root / "missing"

        @app.read("/raises")
        def raises() -> str:
            raise Refusal.denied("Not you")

        @app.read("/terms")
        def terms() -> Answer:
            return Answer("x" * 5000, blksize_max=1024, without=["windowsize"], labels={"a": "b"})

    SAME = (
        "text",
        "bytes",
        "path",
        "file",
        "generator",
        "agenerator",
        "async",
        "none",
        "missing",
        "raises",
        "terms",
        "nothing",
        "dir/image",
        "dir/sub/motd",
        "dir/sub",
        "dir/out",
        "dir/../../etc/passwd",
        "files/sub/motd",
        "files/out",
        "files/missing",
        "files/sub/../../../etc/passwd",
    )

    def test_it_is_the_same_with_and_without_sockets(self):
        with self.app:
            for name in self.SAME:
                with self.subTest(name):
                    self.assertEqual(self.with_sockets(name), self.without(name))

    def with_sockets(self, name: str):
        try:
            return get(self.app.port, name, {"blksize": 8192})
        except TftpError as error:
            return error.code

    def without(self, name: str):
        try:
            return self.app.call(name).content
        except Refusal as refusal:
            return refusal.code
        except ValueError as error:
            # No handler would see it.
            self.assertIn("root", str(error))
            return 2

    def test_calls_work_in_a_program_that_has_a_loop(self):
        async def main():
            return self.app.call("async").text

        self.assertEqual(asyncio.run(main()), "async")

    def test_a_failure_is_raised_as_it_is(self):
        @self.app.read("/fails")
        def fails():
            raise KeyError("x")

        with self.assertRaises(KeyError):
            self.app.call("fails")

    def test_terms_are_kept_and_recorded(self):
        records = []
        self.app.observe(records.append)

        @self.app.observe
        async def second(record):
            records.append(record)

        with self.app:
            asked = {"blksize": 8192, "windowsize": 4, "tsize": 0}
            content, granted = get_with_options(self.app.port, "terms", asked)
            self.assertEqual(granted, {"blksize": "1024", "tsize": "5000"})
            self.assertEqual(content, b"x" * 5000)
        until(lambda: len(records) == 2)
        for record in records:
            self.assertEqual(record.labels, [("a", "b")])
            self.assertEqual(
                (record.outcome, record.bytes, record.blksize), ("complete", 5000, 1024)
            )
            self.assertEqual(dict(record.granted), granted)
            self.assertEqual(record.route, "/terms")
            self.assertEqual(record.to_dict()["path"], "/terms")

    def test_paths_are_the_program_s_own_and_may_be_called_anything(self):
        deep = self.root / ("d" * 200) / ("e" * 200)
        deep.mkdir(parents=True)
        names = [
            "back\\slash",
            "space and ünicode",
            "new\nline",
            ".bootwire-name",
            os.fsdecode(b"\xff"),
        ]
        paths = [self.root / name for name in names] + [deep / "file"]
        for path in paths:
            path.write_bytes(b"x" * 600)
        fifo = self.root / "fifo\\"
        os.mkfifo(fifo)
        others = [(fifo, 2), (self.root / "fifo\\" / "x", 1), (self.root, 1), (self.root / "\\", 1)]

        @self.app.read("/own/{number}")
        def own(number: int) -> Path:
            return (paths + [path for path, _ in others])[number]

        with self.app:
            for number, path in enumerate(paths):
                with self.subTest(path):
                    if path.name.startswith(".bootwire-"):
                        # Uploads that are not whole yet.
                        with self.assertRaises(TftpError):
                            get(self.app.port, f"own/{number}")
                        continue
                    self.assertEqual(get(self.app.port, f"own/{number}"), b"x" * 600)
            for number, (path, code) in enumerate(others, len(paths)):
                with self.subTest(path), self.assertRaises(TftpError) as caught:
                    get(self.app.port, f"own/{number}")
                self.assertEqual(caught.exception.code, code)

    def test_files_and_paths_tell_their_size(self):
        with self.app:
            for name in ("path", "file", "dir/image"):
                _, granted = get_with_options(self.app.port, name, {"tsize": 0, "blksize": 8192})
                self.assertEqual(granted["tsize"], "300000")


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


class Macs(unittest.TestCase):
    def test_all_spellings_are_one(self):
        spellings = ("52:54:00:12:34:AB", "52-54-00-12-34-ab", "5254.0012.34ab", "5254001234AB")
        self.assertEqual({MacAddr(text) for text in spellings}, {"52:54:00:12:34:ab"})
        mac = MacAddr(spellings[0])
        self.assertEqual((mac.dashed, mac.bare), ("52-54-00-12-34-ab", "5254001234ab"))
        self.assertEqual(mac.octets, bytes.fromhex("5254001234ab"))
        self.assertEqual(repr(mac), "MacAddr('52:54:00:12:34:ab')")
        for wrong in (
            "",
            "52:54:00:12:34",
            "52:54-00:12:34:ab",
            "52:54:00:12:34:ag",
            " 5254001234AB",
        ):
            with self.assertRaises(ValueError):
                MacAddr(wrong)


if __name__ == "__main__":
    unittest.main()
