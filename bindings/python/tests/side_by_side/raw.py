"""A TFTP client that does what it is told, packet by packet, and writes down what it gets."""

from __future__ import annotations

import hashlib
import socket
import struct
from typing import Any, NamedTuple

RRQ, WRQ, DATA, ACK, ERROR, OACK = range(1, 7)

# How long a packet is waited for that must come.
PATIENCE = 20.0
# How long it is listened for what must not come.
SILENCE = 0.3


class Packet(NamedTuple):
    """One packet of a server, in words that can be compared."""

    kind: str
    values: tuple[Any, ...]

    @classmethod
    def parse(cls, packet: bytes) -> Packet:
        (opcode,) = struct.unpack("!H", packet[:2])
        if opcode == DATA:
            (block,) = struct.unpack("!H", packet[2:4])
            return cls("DATA", (block, len(packet) - 4))
        if opcode == ERROR:
            (code,) = struct.unpack("!H", packet[2:4])
            return cls("ERROR", (code, packet[4:].rstrip(b"\0").decode("latin-1")))
        if opcode == OACK:
            words = packet[2:].decode("latin-1").split("\0")[:-1]
            return cls("OACK", tuple(zip(words[::2], words[1::2], strict=True)))
        return cls(f"opcode {opcode}", (packet[2:].hex(),))


def request(opcode: int, *words: str) -> bytes:
    return struct.pack("!H", opcode) + b"".join(word.encode("latin-1") + b"\0" for word in words)


def ack(block: int) -> bytes:
    return struct.pack("!HH", ACK, block & 0xFFFF)


def error(code: int, text: str) -> bytes:
    return struct.pack("!HH", ERROR, code) + text.encode() + b"\0"


class Transfer(NamedTuple):
    """What a client saw of a transfer."""

    packets: list[Packet]
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Client:
    """A socket of its own, so a port of its own."""

    def __init__(self, server: tuple[str, int]):
        self.server = server
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.peer: Any = None
        self.port: int = self.socket.getsockname()[1]

    def send(self, packet: bytes) -> None:
        """To the server's port for this transfer."""
        self.socket.sendto(packet, self.peer)

    def ask(self, packet: bytes) -> None:
        """To the server's well-known port."""
        self.socket.sendto(packet, self.server)

    def receive_bytes(self, patience: float = PATIENCE) -> bytes | None:
        self.socket.settimeout(patience)
        try:
            packet, self.peer = self.socket.recvfrom(70000)
        except TimeoutError:
            return None
        return bytes(packet)

    def receive(self, patience: float = PATIENCE) -> Packet | None:
        packet = self.receive_bytes(patience)
        return None if packet is None else Packet.parse(packet)

    def silent(self, patience: float = SILENCE) -> list[Packet]:
        """What comes although nothing should."""
        packets = []
        while (packet := self.receive(patience)) is not None:
            packets.append(packet)
        return packets

    def read(
        self,
        path: str,
        mode: str = "octet",
        *options: str,
        blocks: int | None = None,
        patience: float = PATIENCE,
    ) -> Transfer:
        """Reads a file, block by block; or its first `blocks`, the last of which is not acknowledged."""
        self.ask(request(RRQ, path, mode, *options))
        return self.go_on(blocks, patience)

    def go_on(self, blocks: int | None = None, patience: float = PATIENCE) -> Transfer:
        packets: list[Packet] = []
        data = bytearray()
        blksize = 512
        expected = 1
        while True:
            packet = self.receive_bytes(patience)
            if packet is None:
                break
            parsed = Packet.parse(packet)
            packets.append(parsed)
            if parsed.kind == "OACK":
                blksize = int(dict(parsed.values).get("blksize", blksize))
                self.send(ack(0))
            elif parsed.kind == "DATA":
                if parsed.values[0] != expected & 0xFFFF:
                    continue
                data += packet[4:]
                if blocks == expected:
                    break
                self.send(ack(expected))
                if parsed.values[1] < blksize:
                    break
                expected += 1
            else:
                break
        return Transfer(packets, bytes(data))

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
