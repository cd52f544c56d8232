"""Asks a server what it would grant, and whether it is there."""

import socket
import time

from .rows import Row
from .servers import Server


def request(row: Row) -> bytes:
    fields = [row.file, "octet"]
    if row.blksize != 512:
        fields += ["blksize", str(row.blksize)]
    if row.windowsize != 1:
        fields += ["windowsize", str(row.windowsize)]
    return b"\0\1" + b"".join(field.encode() + b"\0" for field in fields)


def ask(server: Server, row: Row, seconds: float) -> bytes:
    """The first answer to the row's request; empty if there is none. Ends the transfer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(seconds)
        try:
            udp.sendto(request(row), (server.address, server.port))
            answer, peer = udp.recvfrom(65536)
            udp.sendto(b"\0\5\0\0probe\0", peer)
            return answer
        except (TimeoutError, ConnectionRefusedError):
            return b""


def wait_until_up(server: Server, row: Row, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ask(server, row, 0.25):
            return True
        time.sleep(0.05)
    return False


def granted(server: Server, row: Row) -> tuple[int, int] | str:
    """(blksize, windowsize) the server gives for a row, or what it said instead."""
    answer = ask(server, row, 3.0)
    if not answer:
        return "no answer to the request"
    match int.from_bytes(answer[:2]):
        case 3:
            return 512, 1
        case 5:
            text = answer[4:].split(b"\0")[0].decode(errors="replace")
            return f"ERROR {int.from_bytes(answer[2:4])} {text}"
        case 6:
            fields = answer[2:].split(b"\0")
            pairs = {name.decode(errors="replace").lower(): value
                     for name, value in zip(fields[::2], fields[1::2])}
            return int(pairs.get("blksize", 512)), int(pairs.get("windowsize", 1))
        case other:
            return f"opcode {other}"


def refusal(server: Server, row: Row) -> str | None:
    """Why the server cannot run the row, or None if it can."""
    got = granted(server, row)
    if isinstance(got, str):
        return got
    if row.strict and got != (row.blksize, row.windowsize):
        return f"grants blksize {got[0]}, windowsize {got[1]}"
    return None

