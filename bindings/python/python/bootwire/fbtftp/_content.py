"""What a handler answers with."""

import io
from os import PathLike
from typing import Any, ClassVar, Protocol, runtime_checkable

from .netascii import NetasciiReader

__all__ = ["Content", "Readable", "ResponseData", "StringResponseData"]


@runtime_checkable
class Readable(Protocol):
    """All that content needs. `size()` and `close()` are called where they are there."""

    def read(self, n: int, /) -> bytes:
        """The next bytes, `n` at most; none at the end."""


#: What `get_response_data()` may return. Bytes and paths are sent without Python.
Content = Readable | bytes | PathLike[str]


class ResponseData:
    """Content, as a file: inherit from it, or give any object with the same methods.

    `read` is called as fbtftp called it: with the block size, then with what is missing of a block,
    by one thread at a time. Set `read_any = True` in a class whose `read` takes any number: it is
    called less often then, for more bytes.
    """

    read_any: ClassVar[bool] = False

    def read(self, n: int) -> bytes:
        """The next bytes, `n` at most; none at the end."""
        raise NotImplementedError

    def size(self) -> int | None:
        """Size in bytes, told to a client that asks for it; None if it is not known."""
        raise NotImplementedError

    def close(self) -> None:
        """Called once, after the statistics callback, however the transfer ended."""
        raise NotImplementedError


class StringResponseData(ResponseData):
    """Text, encoded in Latin-1."""

    def __init__(self, string: str) -> None:
        self._size = len(string.encode("latin-1"))
        self._reader = io.StringIO(string, newline="")

    def read(self, n: int) -> bytes:
        return self._reader.read(n).encode("latin-1")

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        pass


def simplest(data: Content) -> tuple[Content, bool]:
    """The content in the form that costs least to send, and whether netascii is done already."""
    if isinstance(data, bytes | PathLike):
        return data, False
    kind: Any = type(data)
    if getattr(kind, "read", None) is StringResponseData.read:
        text: str = data._reader.read()  # type: ignore[attr-defined]
        return text.encode("latin-1"), True
    return data, True


def told_size(data: Content) -> Any:
    """What the content says of its size; None if nothing, or if the engine knows."""
    size = getattr(data, "size", None)
    return size() if callable(size) else None


def close(data: Content | None) -> None:
    """Closes the content, if it can be closed."""
    closing = getattr(data, "close", None)
    if callable(closing):
        closing()


def is_missing(data: Content | None) -> bool:
    """Whether there is no content, also where netascii was to be made of none."""
    while type(data) is NetasciiReader:
        data = data._reader
    return data is None
