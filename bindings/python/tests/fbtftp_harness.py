"""What the tests of `bootwire.fbtftp` share: a scripted client, servers in threads."""

import contextlib
import dataclasses
import socket
import struct
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from typing import Any

from bootwire.fbtftp import BaseHandler, BaseServer, SessionStats

#: Seconds that anything may take: only a test that fails waits as long.
PATIENCE = 30.0


@dataclasses.dataclass
class Result:
    """What a client got."""

    data: bytes = b""
    options: dict[str, str] | None = None
    error: tuple[int, str] | None = None
    blocks: int = 0
    #: Nothing came at all.
    silent: bool = False


def request(path: str, options: dict[str, str] | None, mode: str, opcode: int = 1) -> bytes:
    parts = [path, mode]
    for name, value in (options or {}).items():
        parts += [name, value]
    return struct.pack("!H", opcode) + b"".join(p.encode("latin-1") + b"\0" for p in parts)


class Client:
    """A lockstep client that does what a script says."""

    def __init__(self, address: tuple[Any, ...], patience: float = PATIENCE) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.socket.settimeout(patience)
        self.address = address
        self.peer: Any = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(
        self, path: str, options: dict[str, str] | None = None, mode: str = "octet", opcode: int = 1
    ) -> None:
        self.socket.sendto(request(path, options, mode, opcode), self.address)

    def hear(self) -> tuple[int, int, bytes] | None:
        """Opcode, number and body of the next packet; None if there is none."""
        try:
            packet, self.peer = self.socket.recvfrom(70000)
        except TimeoutError:
            return None
        opcode, number = struct.unpack("!HH", packet[:4].ljust(4, b"\0"))
        return (opcode, 0, packet[2:]) if opcode == 6 else (opcode, number, packet[4:])

    def acknowledge(self, number: int) -> None:
        self.socket.sendto(struct.pack("!HH", 4, number & 0xFFFF), self.peer)

    def complain(self, code: int, text: str) -> None:
        packet = struct.pack("!HH", 5, code) + text.encode() + b"\0"
        self.socket.sendto(packet, self.peer)

    def receive(self, leave_after: int | None = None) -> Result:
        """Takes what comes. With `leave_after` it says nothing any more after so many blocks."""
        result = Result()
        blksize, expected = 512, 1
        while True:
            heard = self.hear()
            if heard is None:
                result.silent = result.blocks == 0 and result.options is None
                return result
            opcode, number, body = heard
            if opcode == 6:
                words = body.split(b"\0")[:-1]
                names = [word.decode().lower() for word in words[0::2]]
                result.options = dict(zip(names, (w.decode() for w in words[1::2]), strict=True))
                blksize = int(result.options.get("blksize", 512))
                self.acknowledge(0)
            elif opcode == 5:
                result.error = (number, body.rstrip(b"\0").decode("latin-1"))
                return result
            elif opcode == 3 and number == expected & 0xFFFF:
                result.data += body
                result.blocks += 1
                expected += 1
                if leave_after is not None and result.blocks >= leave_after:
                    return result
                self.acknowledge(number)
                if len(body) < blksize:
                    return result


def get(
    address: tuple[Any, ...],
    path: str,
    options: dict[str, str] | None = None,
    mode: str = "octet",
    patience: float = PATIENCE,
) -> Result:
    with Client(address, patience) as client:
        client.ask(path, options, mode)
        return client.receive()


class Journal:
    """What happened, in order, from any thread."""

    def __init__(self) -> None:
        self._entries: list[Any] = []
        self._changed = threading.Condition()

    def note(self, entry: Any) -> None:
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    @property
    def entries(self) -> list[Any]:
        with self._changed:
            return list(self._entries)

    def wait_for(self, holds: Callable[[list[Any]], Any]) -> list[Any]:
        """Waits until something is true of the entries."""
        with self._changed:
            if not self._changed.wait_for(lambda: holds(self._entries), PATIENCE):
                raise AssertionError(f"never came: {self._entries}")
            return list(self._entries)

    def wait_for_count(self, count: int) -> list[Any]:
        return self.wait_for(lambda entries: len(entries) >= count)


class Content:
    """Content that notes what it is asked. No subclass of anything."""

    def __init__(self, data: bytes, journal: Journal | None = None, size: Any = ...) -> None:
        self.data, self.at = data, 0
        self.journal = journal or Journal()
        self.told = len(data) if size is ... else size

    def read(self, n: int) -> bytes:
        self.journal.note(("read", n))
        piece = self.data[self.at : self.at + n]
        self.at += len(piece)
        return piece

    def size(self) -> Any:
        self.journal.note("size")
        return self.told

    def close(self) -> None:
        self.journal.note("close")


class Handler(BaseHandler):
    """Asks a function of the test for its content."""

    content: Callable[["Handler"], Any]

    def get_response_data(self) -> Any:
        return type(self).content(self)


class Case(unittest.TestCase):
    """A test with servers."""

    def setUp(self) -> None:
        self.sessions = Journal()

    def callback(self, stats: SessionStats) -> None:
        self.sessions.note(stats)

    def stats(self) -> SessionStats:
        """The statistics of the only session."""
        return self.sessions.wait_for_count(1)[0]

    def handler_class(self, content: Callable[[Handler], Any], base: type = Handler) -> type:
        """A class of handlers with this content."""
        return type("TestHandler", (base,), {"content": staticmethod(content)})

    @contextlib.contextmanager
    def serving(
        self,
        handler: Any,
        address: str = "127.0.0.1",
        callback: Any = ...,
        retries: int = 3,
        timeout: int = 2,
        base: type[BaseServer] = BaseServer,
        **named: Any,
    ) -> Iterator[Any]:
        """A server that makes handlers of this class, or asks this function for them."""
        on_end = self.callback if callback is ... else callback

        class Server(base):  # type: ignore[misc, valid-type]
            def get_handler(self, server_addr: Any, peer: Any, path: str, options: Any) -> Any:
                return handler(server_addr, peer, path, options, on_end)

        server: Any = Server(address, 0, retries, timeout, **named)
        with running(server):
            yield server

    def address(self, server: BaseServer) -> tuple[Any, ...]:
        port = server._listener.getsockname()[1]
        host = server._listener.getsockname()[0]
        return ({"::": "::1", "0.0.0.0": "127.0.0.1"}.get(host, host), port)


@contextlib.contextmanager
def running(server: BaseServer) -> Iterator[threading.Thread]:
    """Runs a server in a thread, and closes it."""
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        server.close()
        thread.join(PATIENCE)
        if thread.is_alive():
            raise AssertionError("run() did not return after close()")


def eventually(holds: Callable[[], Any], what: str = "it never came true") -> None:
    """Waits until something is true."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(what)
        time.sleep(0.01)
