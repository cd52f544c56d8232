"""A TFTP client for tests: small, patient, and strict about what it is sent."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable


class TftpError(Exception):
    """The server sent an ERROR."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class Transfer:
    """One transfer, packet by packet."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 30.0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.server = (host, port)
        self.timeout = timeout
        self.peer: tuple | None = None
        self.options: dict[str, str] = {}

    def __enter__(self) -> Transfer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def request(self, op: int, name: str | bytes, options: dict[str, object], mode: str) -> None:
        name = name.encode() if isinstance(name, str) else name
        parts = [name, mode.encode()]
        for option, value in options.items():
            parts += [option.encode(), str(value).encode()]
        self.asked = struct.pack("!H", op) + b"\0".join(parts) + b"\0"
        self.socket.sendto(self.asked, self.server)

    def receive(self) -> tuple[int, bytes]:
        """The next packet's opcode and the rest; an ERROR is raised."""
        until = time.monotonic() + self.timeout
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the server is silent")
            self.socket.settimeout(left)
            packet, peer = self.socket.recvfrom(1 << 16)
            if self.peer is None:
                self.peer = peer
            if peer != self.peer:
                continue
            (op,) = struct.unpack_from("!H", packet)
            if op == 5:
                code = struct.unpack_from("!H", packet, 2)[0]
                raise TftpError(code, packet[4:].rstrip(b"\0").decode())
            return op, packet[2:]

    def send(self, op: int, number: int, data: bytes = b"") -> None:
        assert self.peer is not None
        self.socket.sendto(struct.pack("!HH", op, number & 0xFFFF) + data, self.peer)


def get(
    port: int,
    name: str | bytes,
    options: dict[str, object] | None = None,
    *,
    host: str = "127.0.0.1",
    mode: str = "octet",
    timeout: float = 30.0,
    on_block: Callable[[int], None] | None = None,
) -> bytes:
    """Reads a file."""
    return get_with_options(port, name, options, host, mode, timeout, on_block)[0]


def get_with_options(
    port: int,
    name: str | bytes,
    options: dict[str, object] | None = None,
    host: str = "127.0.0.1",
    mode: str = "octet",
    timeout: float = 30.0,
    on_block: Callable[[int], None] | None = None,
) -> tuple[bytes, dict[str, str]]:
    """Reads a file, and says which options were granted."""
    with Transfer(port, host, timeout) as transfer:
        transfer.request(1, name, options or {}, mode)
        granted: dict[str, str] = {}
        pieces: list[bytes] = []
        number, blksize = 1, 512
        while True:
            op, rest = transfer.receive()
            if op == 6 and number == 1:
                words = rest.rstrip(b"\0").decode().split("\0")
                granted = dict(zip(words[::2], words[1::2], strict=True))
                blksize = int(granted.get("blksize", 512))
                transfer.send(4, 0)
                continue
            if op != 3:
                continue
            (block,) = struct.unpack_from("!H", rest)
            if block == number & 0xFFFF:
                data = rest[2:]
                assert len(data) <= blksize
                pieces.append(data)
                if on_block is not None:
                    on_block(number)
                transfer.send(4, number)
                number += 1
                if len(data) < blksize:
                    return b"".join(pieces), granted
            else:
                transfer.send(4, block)


def put(
    port: int,
    name: str | bytes,
    body: bytes,
    options: dict[str, object] | None = None,
    *,
    timeout: float = 30.0,
    stop_after: int | None = None,
) -> None:
    """Writes a file; with `stop_after` gives up with an ERROR behind so many blocks."""
    with Transfer(port, timeout=timeout) as transfer:
        transfer.request(2, name, options or {}, "octet")
        blksize, number = 512, 0
        while True:
            op, rest = transfer.receive()
            if op == 6:
                words = rest.rstrip(b"\0").decode().split("\0")
                blksize = int(dict(zip(words[::2], words[1::2], strict=True)).get("blksize", 512))
            elif op != 4 or struct.unpack_from("!H", rest)[0] != number & 0xFFFF:
                continue
            if number * blksize > len(body):
                return
            if stop_after is not None and number >= stop_after:
                transfer.send(5, 0, b"enough\0")
                return
            data = body[number * blksize : (number + 1) * blksize]
            number += 1
            transfer.send(3, number, data)


def until(condition: Callable[[], object], limit: float = 60.0) -> None:
    """Waits until `condition` holds."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"it did not come to pass within {limit:g} s")
        time.sleep(0.005)
