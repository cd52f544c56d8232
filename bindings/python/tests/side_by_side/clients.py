"""Clients that others wrote: each reads one file and gives what it got, or what it said instead."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from .sides import PATIENCE

Client = Callable[[str, int, str, Path], subprocess.CompletedProcess[bytes] | None]


def _run(*words: str | Path, **how: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        words,  # type: ignore[arg-type]
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
        **how,  # type: ignore[call-overload]
    )


def tftp_hpa(address: str, port: int, name: str, to: Path) -> subprocess.CompletedProcess[bytes]:
    return _run("tftp", "-m", "binary", address, str(port), "-c", "get", name, to)


def tftp_hpa_netascii(
    address: str, port: int, name: str, to: Path
) -> subprocess.CompletedProcess[bytes]:
    return _run("tftp", "-m", "netascii", address, str(port), "-c", "get", name, to)


def atftp(address: str, port: int, name: str, to: Path) -> subprocess.CompletedProcess[bytes]:
    return _run("atftp", "--get", "--remote-file", name, "--local-file", to, address, str(port))


def atftp_options(
    address: str, port: int, name: str, to: Path
) -> subprocess.CompletedProcess[bytes]:
    options = [
        word for pair in ("tsize", "blksize 1428", "timeout 3") for word in ("--option", pair)
    ]
    return _run(
        "atftp", *options, "--get", "--remote-file", name, "--local-file", to, address, str(port)
    )


def curl(address: str, port: int, name: str, to: Path) -> subprocess.CompletedProcess[bytes]:
    return _run("curl", "-sS", "-o", to, f"tftp://{address}:{port}/{name}")


def curl_blksize(
    address: str, port: int, name: str, to: Path
) -> subprocess.CompletedProcess[bytes]:
    return _run(
        "curl", "-sS", "--tftp-blksize", "1428", "-o", to, f"tftp://{address}:{port}/{name}"
    )


def curl_no_options(
    address: str, port: int, name: str, to: Path
) -> subprocess.CompletedProcess[bytes]:
    return _run("curl", "-sS", "--tftp-no-options", "-o", to, f"tftp://{address}:{port}/{name}")


def busybox(address: str, port: int, name: str, to: Path) -> subprocess.CompletedProcess[bytes]:
    return _run("busybox", "tftp", "-g", "-b", "1000", "-r", name, "-l", to, address, str(port))


def tftpy(address: str, port: int, name: str, to: Path) -> None:
    import tftpy as library

    logging.getLogger("tftpy").setLevel(logging.CRITICAL)
    client = library.TftpClient(address, port, {"blksize": 800, "tsize": 0})
    try:
        client.download(name, str(to), timeout=PATIENCE)
    except library.TftpShared.TftpException:
        to.unlink(missing_ok=True)


CLIENTS: dict[str, Client] = {
    function.__name__: function
    for function in (
        tftp_hpa,
        tftp_hpa_netascii,
        atftp,
        atftp_options,
        curl,
        curl_blksize,
        curl_no_options,
        busybox,
        tftpy,
    )
}


def fetch(client: Client, server: tuple[str, int], name: str) -> tuple[bytes | None, str]:
    """The file, if it came, and what the client said."""
    directory = Path(tempfile.mkdtemp(prefix="fetched-"))
    try:
        to = directory / "file"
        done = client(server[0], server[1], name, to)
        said = done.stdout.decode(errors="replace") if done else ""
        data = to.read_bytes() if to.exists() else None
        return data, said
    finally:
        shutil.rmtree(directory)
