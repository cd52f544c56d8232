"""Where uploads go."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from typing import Any

from . import _bootwire
from ._answer import Refusal

__all__ = ["Body", "FileSink", "sink_of"]


class Body:
    """An upload that is gathered in memory and given to a handler whole."""

    __slots__ = ("_call", "_limit", "_name", "_pieces", "_request", "_size")

    def __init__(
        self, call: Callable[..., Any], request: _bootwire.Request, name: str, limit: int
    ) -> None:
        self._call = call
        self._request = request
        self._name = name
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def __repr__(self) -> str:
        return f"<upload of {self._request!r}>"

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:  # netascii may grow on its way
            raise Refusal.full("File too large")
        self._pieces.append(data)

    def finish(self) -> Any:
        return self._call(self._request, **{self._name: b"".join(self._pieces)})

    def abort(self) -> None:
        self._pieces.clear()


class FileSink:
    """An upload into the file `path`: under another name beside it until it is whole, then in its place
    at once, on the disk. What was there is replaced."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        directory = os.path.dirname(self.path)
        if os.path.isdir(self.path):
            raise IsADirectoryError(f"{self.path} is a directory")
        self._beside = os.path.join(directory, f".bootwire-{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._beside, flags, 0o666), "wb", buffering=0)

    def __repr__(self) -> str:
        return f"<FileSink {self.path!r}>"

    def write(self, data: bytes) -> None:
        """Stores the next bytes."""
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def finish(self) -> None:
        """Puts the file in its place, once all of it is on the disk."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._beside, self.path)
        except BaseException:
            self.abort()
            raise
        directory = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def abort(self) -> None:
        """Leaves nothing of the upload."""
        self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._beside)


def sink_of(content: Any) -> Any:
    """Where an upload goes that was answered with `content`. Raises `TypeError` if that is nowhere."""
    if content is None:
        raise Refusal.denied()
    if isinstance(content, os.PathLike):
        return FileSink(content)
    if not callable(getattr(content, "write", None)):
        raise TypeError(
            f"a write was answered with an object of type {type(content).__name__!r}: return a "
            "pathlib.Path or an object with write(data)"
        )
    return content
