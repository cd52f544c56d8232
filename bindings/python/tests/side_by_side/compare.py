"""Runs a scenario on both sides and compares what was seen.

Where the two differ on purpose, a scenario names the row of docs/reference/fbtftp.md that says so, and what
Bootwire does instead. Both are checked: that the page has the row, and that the two do differ.
"""

from __future__ import annotations

import copy
import hashlib
import re
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

from .raw import Client, Packet, Transfer
from .sides import FBTFTP_PYTHON, TOP, Side

Seen = dict[str, Any]

# The sides that tell of a transfer's end.
BOTH = "fbtftp and bootwire"

# What Bootwire shows may be anything.
ANY = object()

PAGE = TOP / "docs/reference/fbtftp.md"


@dataclass(frozen=True)
class Perhaps:
    """What Bootwire shows, and fbtftp sometimes."""

    value: Any


def differences() -> set[str]:
    """The first cells of the page's table of differences."""
    rows = re.findall(r"^\| *([^|]+?) *\|", PAGE.read_text(), re.MULTILINE)
    return {row.replace("`", "") for row in rows}


def plain(value: Any, ports: dict[int, str]) -> Any:
    """A noted value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: plain(inner, ports) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner, ports) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return ports.get(value, value)
    return value


def brief(data: bytes) -> bytes | tuple[int, str]:
    """Bytes as they are as long as somebody could read them."""
    return data if len(data) < 400 else (len(data), hashlib.sha256(data).hexdigest())


class SideBySide(unittest.TestCase):
    """One program, running on both sides for all scenarios of a class."""

    PROGRAM: ClassVar[str] = "handlers.py"
    ARGUMENTS: ClassVar[tuple[str, ...]] = ("JOURNAL", "ADDRESS", "PORT", "1", "1")
    ADDRESS: ClassVar[str] = "127.0.0.1"
    sides: ClassVar[list[Side]]
    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        if not FBTFTP_PYTHON.exists():
            raise AssertionError(
                f"no fbtftp in {FBTFTP_PYTHON}: run ./test --python, which fetches it"
            )
        cls.sides = []
        for name in ("fbtftp", "bootwire"):
            side = Side(name, cls.PROGRAM, *cls.ARGUMENTS, address=cls.ADDRESS)
            cls.addClassCleanup(side.stop)
            cls.sides.append(side)
        for side in cls.sides:
            side.wait("ready")

    def path(self, path: str) -> str:
        """A path of this test's own, so that notes can be told apart."""
        return f"{path}/{self.id().rpartition('.')[2]}"

    def same(self, scenario: Callable[[Side], Seen], **differs: tuple[str, Any]) -> None:
        """Both sides show the same; but for `differs`: what, its row in the page, and what Bootwire
        shows, or what to make of fbtftp's to get it."""
        with ThreadPoolExecutor(2) as pool:
            theirs, ours = pool.map(scenario, self.sides)
        for what, (row, expected) in differs.items():
            self.assertIn(row, differences(), f"{PAGE} has no such row")
            if expected is ANY:
                theirs[what] = ours[what]
                continue
            wanted = expected(copy.deepcopy(theirs[what])) if callable(expected) else expected
            if isinstance(wanted, Perhaps):
                wanted = wanted.value
            else:
                self.assertNotEqual(theirs[what], wanted, f"{what}: the same after all")
            theirs[what] = wanted
        self.assertEqual(theirs.keys(), ours.keys())
        # What is equal would hide what is not.
        equal = {what for what in theirs if theirs[what] == ours[what]}
        theirs, ours = (
            {what: seen[what] for what in seen if what not in equal} for seen in (theirs, ours)
        )
        self.assertEqual(theirs, ours, "fbtftp's (-) and Bootwire's (+)")

    def read(
        self, path: str, *words: str, done: str = BOTH, calls: bool = True, **how: Any
    ) -> Callable[[Side], Seen]:
        """A scenario: one read. Shows the packets, the bytes, and what was called with what.

        `done` are the sides that tell of the end: fbtftp's handlers may die before.
        """
        path = self.path(path)

        def scenario(side: Side) -> Seen:
            with Client(side.server) as client:
                transfer = client.read(path, *words, **how)
                return self.shown(side, path, client, transfer, done, calls)

        return scenario

    def shown(
        self,
        side: Side,
        path: str,
        client: Client,
        transfer: Transfer,
        done: str = BOTH,
        calls: bool = True,
    ) -> Seen:
        """All there is to see of a transfer, once its callback was called and its content closed."""
        seen: Seen = {"packets": transfer.packets, "data": brief(transfer.data)}
        if side.name in done:
            side.wait("callback", path)
            if any(note[0] in ("read", "size") for note in side.notes(path)):
                side.wait("close", path)
        ports = {client.port: "client's", side.port: "server's"}
        notes = plain(side.notes(path), ports)
        seen["stats"] = [note[1] for note in notes if note[0] == "callback"]
        if calls:
            seen["calls"] = [note for note in notes if note[0] != "callback"]
        return seen


def told(code: int, text: str) -> list[Packet]:
    """The packets of a client that is told an error and nothing else."""
    return [Packet("ERROR", (code, text))]


def blocks(size: int, blksize: int = 512, options: dict[str, str] | None = None) -> list[Packet]:
    """The packets of a client that gets `size` bytes."""
    packets = [Packet("OACK", tuple(options.items()))] if options else []
    count = size // blksize + 1
    for block in range(1, count + 1):
        packets.append(Packet("DATA", (block, blksize if block < count else size % blksize)))
    return packets


def stats(**fields: Any) -> list[Any]:
    """The stats of a transfer of which nothing was sent, but for `fields`."""
    return [
        {
            "peer": ["127.0.0.1", "client's"],
            "server_addr": ["127.0.0.1", "server's"],
            "error": {},
            "options": {},
            "options_in": {"mode": "octet"},
            "options_acked": {},
            "packets_sent": 0,
            "packets_acked": 0,
            "bytes_sent": 0,
            "retransmits": 0,
            "blksize": 512,
        }
        | fields
    ]


def changed(**fields: Any) -> Callable[[list[Any]], list[Any]]:
    """fbtftp's stats, with other values of these fields."""
    return lambda theirs: [theirs[0] | fields]


def failed(code: int, text: str) -> dict[str, Any]:
    """The `error` of stats."""
    return {"error_code": code, "error_message": text}
