"""Content that is read bit by bit: how each kind is read and closed."""

from __future__ import annotations

import io
import os
import stat
import time
import types
from collections.abc import AsyncIterator, Iterator
from typing import Any

__all__ = ["Reader", "reader_of"]

#: A read that takes longer than this, in seconds, is slow: what is there already goes out first.
SLOW = 0.001
#: How long small pieces are gathered, in seconds.
GATHER = 0.5


class Reader:
    """Content on its way to a client. Used by one thread at a time."""

    #: Whether it is read on the event loop.
    is_async = False
    #: Whether it is closed as soon as it was read to its end; else when its transfer is over.
    closes_at_end = True

    def __init__(self, content: Any, blksize: int) -> None:
        self.content = content
        self.blksize = blksize

    def __repr__(self) -> str:
        return repr(self.content)

    def size(self) -> int | None:
        """The exact number of bytes, if it is known."""
        size = getattr(self.content, "size", None)
        if callable(size):
            size = size()
        if size is None or isinstance(size, bool):
            return None
        if not isinstance(size, int):
            raise TypeError(f"size() returned {type(size).__name__!r}, not int or None")
        if size < 0:
            raise ValueError(f"size() returned {size}: a size is not negative")
        return size

    def fill(self, want: int) -> tuple[bytes, bool]:
        """About `want` bytes, more than none unless it ends, and whether it has."""
        raise NotImplementedError

    async def fill_async(self, want: int) -> tuple[bytes, bool]:
        """The same on the event loop."""
        raise NotImplementedError

    def close(self) -> Any:
        """It is needed no longer. May return a coroutine."""
        close = getattr(self.content, "close", None)
        return close() if callable(close) else None


class Blocks(Reader):
    """An object with `read(n)`, asked for one block at a time, and for the rest of one that it has
    given in part. One whose class says `read_any = True` is asked for more at once."""

    def __init__(self, content: Any, blksize: int) -> None:
        super().__init__(content, blksize)
        self.left = blksize
        self.any = bool(getattr(content, "read_any", False)) or isinstance(content, FILES)
        self.closes_at_end = self.any

    def size(self) -> int | None:
        if hasattr(self.content, "size"):
            return super().size()
        return file_size(self.content)

    def fill(self, want: int) -> tuple[bytes, bool]:
        read = self.content.read
        if self.any:
            data = bytes_of(read(want), "read()")
            return data, not data
        clock = time.monotonic
        blksize, left = self.blksize, self.left
        pieces: list[bytes] = []
        total, before = 0, clock()
        until = before + GATHER
        while total < want:
            data = read(left)
            if type(data) is not bytes:
                data = bytes_of(data, "read()")
            if not data:
                return b"".join(pieces), True
            pieces.append(data)
            got = len(data)
            total += got
            left -= got
            if left <= 0:
                left = blksize
                now = clock()
                if now - before > SLOW or now > until:
                    break
                before = now
        self.left = left
        return b"".join(pieces), False


class Gathered:
    """Items of an iterator, until they are enough or took long enough."""

    def __init__(self, want: int, blksize: int) -> None:
        self.want = want
        self.blksize = blksize
        self.pieces: list[bytes] = []
        self.total = 0
        self.before = time.monotonic()
        self.until = self.before + GATHER

    def takes(self, item: Any) -> bool:
        """Takes one more. Whether that was the last."""
        data = item.encode() if isinstance(item, str) else bytes_of(item, "the iterator")
        self.pieces.append(data)
        self.total += len(data)
        now = time.monotonic()
        slow = now - self.before > SLOW and self.total >= self.blksize
        self.before = now
        return self.total > 0 and (self.total >= self.want or now > self.until or slow)

    def joined(self) -> bytes:
        return b"".join(self.pieces)


class Items(Reader):
    """An iterator of text or bytes."""

    def size(self) -> int | None:
        return super().size() if hasattr(self.content, "size") else None

    def fill(self, want: int) -> tuple[bytes, bool]:
        gathered = Gathered(want, self.blksize)
        for item in self.content:
            if gathered.takes(item):
                return gathered.joined(), False
        return gathered.joined(), True


class AsyncItems(Reader):
    """An asynchronous iterator of text or bytes."""

    is_async = True
    closes_at_end = False

    def size(self) -> int | None:
        return super().size() if hasattr(self.content, "size") else None

    async def fill_async(self, want: int) -> tuple[bytes, bool]:
        gathered = Gathered(want, self.blksize)
        async for item in self.content:
            if gathered.takes(item):
                return gathered.joined(), False
        return gathered.joined(), True

    def close(self) -> Any:
        aclose = getattr(self.content, "aclose", None)
        return finish(aclose()) if callable(aclose) else None


async def finish(awaitable: Any) -> None:
    await awaitable


#: Files of Python's own, which may be asked for any number of bytes.
FILES = (io.FileIO, io.BufferedReader, io.BytesIO)


def file_size(content: Any) -> int | None:
    """How much of a file is still to be read, if that is known."""
    if not isinstance(content, FILES):
        return None
    try:
        if isinstance(content, io.BytesIO):
            return max(0, len(content.getbuffer()) - content.tell())
        status = os.fstat(content.fileno())
        return max(0, status.st_size - content.tell()) if stat.S_ISREG(status.st_mode) else None
    except (OSError, ValueError):
        return None


def bytes_of(data: Any, what: str) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    hint = ": open the file in binary mode" if isinstance(data, str) else ""
    raise TypeError(f"{what} gave {type(data).__name__!r} where bytes are needed{hint}")


def reader_of(content: Any, blksize: int) -> Reader:
    """How `content` is read. Raises `TypeError` if it is no content."""
    if callable(getattr(content, "read", None)):
        return Blocks(content, blksize)
    if isinstance(content, AsyncIterator):
        return AsyncItems(content, blksize)
    if isinstance(content, Iterator):
        return Items(content, blksize)
    if isinstance(content, (list, tuple, types.MappingProxyType)) or not hasattr(
        content, "__iter__"
    ):
        raise TypeError(
            f"a handler returned an object of type {type(content).__name__!r}: return text, bytes, "
            "a pathlib.Path, an object with read(n), an iterator, or None for no such file"
        )
    return Items(iter(content), blksize)
