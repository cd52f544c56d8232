"""Netascii (RFC 764): the line ends of the network."""

import tempfile
from typing import IO, Any

__all__ = ["NetasciiReader"]

# Converted content up to this size is kept in memory while it is measured, more in a file.
_IN_MEMORY = 1 << 20
_PIECE = 512


class NetasciiReader:
    """Content with its line ends turned into netascii's: LF into CR LF, CR into CR NUL.

    Its size is known only once everything is converted: `size()` does that, and keeps the result.
    """

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._buffer = bytearray()
        self._slurp: IO[bytes] | None = None
        self._size: int | None = None

    @property
    def read_any(self) -> bool:
        """Whether it may be asked for more than a block at a time: if what it reads from may."""
        return self._slurp is not None or bool(getattr(self._reader, "read_any", False))

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most; none at the end."""
        if self._slurp is not None:
            return self._slurp.read(size)
        missing = size - len(self._buffer)
        if missing > 0:
            self._buffer += _encoded(self._reader.read(missing))
        block = bytes(self._buffer[:size])
        del self._buffer[:size]
        return block

    def size(self) -> int:
        """Size after conversion, in bytes."""
        if self._size is None:
            converted: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
            size = 0
            while piece := self.read(_PIECE):
                size += converted.write(piece)
            converted.seek(0)
            self._slurp, self._size = converted, size
        return self._size

    def close(self) -> None:
        """Closes what it reads from."""
        if self._slurp is not None:
            self._slurp.close()
        self._reader.close()


def _encoded(text: bytes) -> bytes:
    return text.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
