"""Hardware addresses."""

from __future__ import annotations

import re

__all__ = ["MacAddr"]

_SPELLINGS = re.compile(
    r"[0-9a-f]{2}(?P<sep>[:-]?)(?:[0-9a-f]{2}(?P=sep)){4}[0-9a-f]{2}"
    r"|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
    re.IGNORECASE,
)


class MacAddr(str):
    """A hardware address: text in the one spelling `52:54:00:12:34:56`, read from any usual one.

    >>> MacAddr("5254.0012.34AB")
    MacAddr('52:54:00:12:34:ab')
    >>> MacAddr("52-54-00-12-34-ab").dashed
    '52-54-00-12-34-ab'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> MacAddr:
        if not _SPELLINGS.fullmatch(text):
            raise ValueError(f"{text!r} is no hardware address: write it like 52:54:00:12:34:56")
        digits = re.sub("[^0-9a-f]", "", text.lower())
        return super().__new__(cls, ":".join(digits[at : at + 2] for at in range(0, 12, 2)))

    @property
    def dashed(self) -> str:
        """With dashes, as PXELINUX and GRUB have it in file names."""
        return self.replace(":", "-")

    @property
    def bare(self) -> str:
        """The twelve digits alone."""
        return self.replace(":", "")

    @property
    def octets(self) -> bytes:
        """The six bytes."""
        return bytes.fromhex(self.bare)

    def __repr__(self) -> str:
        return f"MacAddr({str(self)!r})"
