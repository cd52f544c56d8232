"""The framework: routes, parameters, answers."""

from __future__ import annotations

import asyncio
import enum
import io
import os
import pathlib
import socket
import tempfile
import unittest
import uuid
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Optional, Union

from bootwire import Answer, Directory, MacAddr, Refusal, Request, Server
from wire import TftpError, get, get_with_options, until


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
