"""Clients that move in step with the server: they act only while all its threads sleep.

So the server sees the same packets in the same batches however slow it runs.
"""

import os
import socket
import time


class Disturbed(Exception):
    """The server sent something else than the script expects: a machine so busy that a timer ran
    out."""


def read_together(pid: int, port: int, size: int, clients: int, blksize: int,
                  windowsize: int) -> None:
    """Clients that read the content side by side, each from a new port."""
    sockets = [new_socket() for _ in range(clients)]
    options = ""
    if (blksize, windowsize) != (512, 1):
        options = f"tsize\0000\0blksize\0{blksize}\0windowsize\0{windowsize}\0"
    request = b"\0\1content\0octet\0" + options.encode()
    wait_until_asleep(pid)
    for udp in sockets:
        udp.sendto(request, ("127.0.0.1", port))
    peers = []
    for udp in sockets:
        answer, peer = receive(udp)
        expect(answer, b"\0\6" if options else b"\0\3\0\1")
        peers.append(peer)
    last = size // blksize + 1
    had = 0 if options else 1
    while had < last:
        acknowledge(pid, sockets, peers, had)
        window = range(had + 1, min(had + windowsize, last) + 1)
        for udp in sockets:
            for block in window:
                expect(receive(udp)[0], b"\0\3" + (block & 0xFFFF).to_bytes(2))
        had = window[-1]
    acknowledge(pid, sockets, peers, had)
    wait_until_asleep(pid)
    for udp in sockets:
        udp.close()


def new_socket() -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(20)
    return udp


def acknowledge(pid: int, sockets: list, peers: list, block: int) -> None:
    ack = b"\0\4" + (block & 0xFFFF).to_bytes(2)
    wait_until_asleep(pid)
    for udp, peer in zip(sockets, peers):
        udp.sendto(ack, peer)


def receive(udp: socket.socket) -> tuple[bytes, tuple]:
    try:
        return udp.recvfrom(65536)
    except TimeoutError as error:
        raise Disturbed("the server is silent") from error


def expect(datagram: bytes, start: bytes) -> None:
    if not datagram.startswith(start):
        raise Disturbed(f"the server sent {datagram[:8]!r}, not {start!r}")


def wait_until_asleep(pid: int) -> None:
    """Waits until every thread of the process sleeps, and still does a moment later."""
    asleep = 0
    while asleep < 2:
        asleep = asleep + 1 if all(state == "S" for state in states(pid)) else 0
        time.sleep(0.0002)


def states(pid: int):
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            yield file.read().rpartition(")")[2].split()[0]
