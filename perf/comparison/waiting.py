"""Clients that begin a transfer and then say nothing: many addresses, few sockets."""

import socket
import struct

# Clients that share a socket: each has an address of its own.
SHARED = 250
SERVER_ANSWERS_WITHIN = 5


class Clients:
    """Clients number `first` to `first + count`."""

    def __init__(self, server: str, file: str, first: int, count: int):
        host, port = server.split(":")
        self.server = (host, int(port))
        self.request = b"\0\x01" + file.encode() + b"\0octet\0blksize\x001024\0"
        self.numbers = range(first, first + count)

    def ask(self) -> None:
        """Takes each to where the server waits for the ACK of the first block."""
        for at in range(0, len(self.numbers), SHARED):
            self.ask_some(self.numbers[at:at + SHARED])

    def ask_some(self, numbers: range) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as clients:
            clients.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            clients.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            clients.settimeout(SERVER_ANSWERS_WITHIN)
            clients.bind(("0.0.0.0", 0))
            for number in numbers:
                send(clients, self.request, address(number), self.server)
            # An OACK, and DATA once that is acknowledged.
            for _ in range(2 * len(numbers)):
                packet, asked, peer = receive(clients)
                if packet[:2] == b"\0\x06":
                    send(clients, b"\0\x04\0\0", asked, peer)
                elif packet[:4] != b"\0\x03\0\x01":
                    raise ValueError(f"an unexpected answer: {packet[:60]!r}")


IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)


def address(number: int) -> bytes:
    """The address of a client, one of 127.2.0.0/15."""
    return struct.pack("!I", (127 << 24 | 2 << 16) + number + 1)


def send(clients: socket.socket, packet: bytes, source: bytes, peer: tuple) -> None:
    info = struct.pack("=I4s4s", 0, source, bytes(4))
    clients.sendmsg([packet], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, peer)


def receive(clients: socket.socket) -> tuple[bytes, bytes, tuple]:
    """A packet, the address it was sent to, and who sent it."""
    packet, control, _, peer = clients.recvmsg(2048, 64)
    for level, kind, data in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return packet, data[8:12], peer
    raise ValueError("the system does not say which address was asked")
