"""The two servers that run the same programs: fbtftp 0.5 in an environment of its own, and Bootwire here."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TOP = HERE.parents[3]
PROGRAMS = HERE / "programs"

# `./test --python` makes it.
FBTFTP_PYTHON = Path(os.environ.get("FBTFTP_PYTHON", TOP / "target/python/fbtftp/bin/python"))

# Long for a busy machine; nothing waits for it that does not fail.
PATIENCE = 30.0

PYTHONS = {"fbtftp": str(FBTFTP_PYTHON), "bootwire": sys.executable}


def free_port(address: str) -> int:
    """A port that nobody has: none of those that the system gives to the clients of all these tests."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port


def wait_for(what: str, condition: Any, patience: float = PATIENCE) -> Any:
    """What `condition` returns, as soon as it is true."""
    end = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(0.01)


def pattern(size: int) -> bytes:
    """What `/content/SIZE` is."""
    return b"".join(b"%07d\n" % at for at in range(size // 8 + 1))[:size]


class Side:
    """A program, running on one of the two."""

    def __init__(
        self,
        name: str,
        program: str,
        *arguments: str,
        address: str = "127.0.0.1",
        variables: dict[str, str] | None = None,
    ):
        """Starts a program of this folder, or "-m MODULE"; JOURNAL, ADDRESS and PORT stand for the side's own."""
        self.name = name
        self.address = address
        self.port = free_port(address)
        # Whether the program goes on in the background when the process that was started is gone.
        self.outlived = False
        self._directory = tempfile.TemporaryDirectory(prefix=f"side-{name}-")
        self.journal = Path(self._directory.name, "journal")
        self.journal.touch()
        self.log = Path(self._directory.name, "log")
        # Not the checkout, whose `fbtftp` would be taken for the other's.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        if name == "bootwire" and "PYTHONPATH" in os.environ:
            environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        environment |= variables or {}
        start = program.split() if program.startswith("-m ") else [str(PROGRAMS / program)]
        words = [
            word.replace("JOURNAL", str(self.journal))
            .replace("ADDRESS", address)
            .replace("PORT", str(self.port))
            for word in arguments
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [PYTHONS[name], *start, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self._directory.name,
                start_new_session=True,
            )

    @property
    def server(self) -> tuple[str, int]:
        return (self.address, self.port)

    def notes(self, path: str = "") -> list[list[Any]]:
        """What was noted so far about `path`: call and values."""
        return [note[1:] for note in self.all_notes() if note[0] == path]

    def all_notes(self) -> list[list[Any]]:
        """What was noted so far: path, call and values."""
        whole, _, _ = self.journal.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait(self, call: str, path: str = "", count: int = 1) -> list[Any]:
        """Waits until `call` was noted `count` times, and gives the last one's values."""

        def noted() -> list[list[Any]]:
            ended = self.process.poll() is not None
            found = [note[1:] for note in self.notes(path) if note[0] == call]
            if ended and len(found) < count and not self.outlived:
                raise AssertionError("it ended")
            return found[count - 1 : count]

        try:
            return list(wait_for(f"{call!r} of {path!r}", noted)[0])
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}\n{self.log.read_text()[-4000:]}") from None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Waits for the program to end, and gives its exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n{self.log.read_text()}") from None

    def stop(self) -> None:
        """Ends the program and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._directory.cleanup()

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
