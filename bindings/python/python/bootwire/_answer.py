"""What handlers answer and raise."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Answer", "Refusal", "refusal_of"]


class Refusal(Exception):
    """A request turned down, or a transfer ended early: raise it in a handler.

    `code` is the code of the ERROR, 0 to 8. Real clients stop for good on 1 and 2, and start over on
    0: use the constructors below, which know. `text` is what a boot screen shows, cut to 60 bytes; it
    must name nothing internal. `detail` goes to the record and the log only. A `silent` refusal sends
    nothing, so that the client asks again by itself. `machine` is for the record.

    >>> raise Refusal.not_found()
    Traceback (most recent call last):
    ...
    bootwire._answer.Refusal: File not found
    """

    def __init__(
        self,
        code: int,
        text: str | None = None,
        *,
        detail: str | None = None,
        silent: bool = False,
        machine: str | None = None,
    ) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.detail = detail
        self.silent = silent
        self.machine = machine

    def __str__(self) -> str:
        text = self.text if self.text is not None else _TEXTS.get(self.code, f"code {self.code}")
        return f"{text} ({self.detail})" if self.detail else text

    @classmethod
    def not_found(cls, text: str | None = None, *, detail: str | None = None) -> Refusal:
        """There is no such file: code 1. The client tries the next name, or stops."""
        return cls(1, text, detail=detail)

    @classmethod
    def denied(cls, text: str | None = None, *, detail: str | None = None) -> Refusal:
        """Not allowed, and asking again will not help: code 2."""
        return cls(2, text, detail=detail)

    @classmethod
    def busy(
        cls, text: str | None = "Server busy, try again", *, detail: str | None = None
    ) -> Refusal:
        """Not now: code 0, and the client asks again."""
        return cls(0, text, detail=detail)

    @classmethod
    def full(cls, text: str | None = None, *, detail: str | None = None) -> Refusal:
        """No room for an upload: code 3."""
        return cls(3, text, detail=detail)

    @classmethod
    def exists(cls, text: str | None = None, *, detail: str | None = None) -> Refusal:
        """An upload would replace a file that must stay: code 6."""
        return cls(6, text, detail=detail)

    def _terms(self) -> dict[str, Any] | None:
        return None if self.machine is None else {"kind": None, "machine": self.machine}


#: What the engine says for a code without a text.
_TEXTS = {
    0: "Server error, try again",
    1: "File not found",
    2: "Access denied",
    3: "Disk full",
    4: "Illegal request",
    5: "Unknown transfer ID",
    6: "File already exists",
    7: "Access denied",
    8: "Options not acceptable",
}


def refusal_of(error: BaseException) -> Refusal | None:
    """The refusal that an exception is, by itself or by what it says of a file; `None` if it is just a
    failure."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)):
        return Refusal(1, detail=str(error))
    if isinstance(error, PermissionError):
        return Refusal(2, detail=str(error))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal(3, detail=str(error))
    if isinstance(error, FileExistsError):
        return Refusal(6, detail=str(error))
    return None


class Answer:
    """Content, and the terms on which it is sent. Handlers that have no terms return bare content.

    `content` is text, bytes, a `pathlib.Path`, an object with `read(n)`, an iterator or asynchronous
    iterator of text or bytes, or `None`: no such file. For a write it is an object with `write(data)`,
    see `bootwire.Server.write`; of one that is larger than `size_max` bytes nothing is kept.

    `blksize_max` and `windowsize_max` cap what is granted; `without` names options that are not, as if
    the client had not asked for them, and `without_options` is all of them. `resend_min` is the least
    time in seconds before anything is sent again, `rollover` the number of the block that follows 65535
    (0 or 1). `labels`, `machine` and `kind` are for the record.
    """

    __slots__ = (
        "blksize_max",
        "content",
        "kind",
        "labels",
        "machine",
        "resend_min",
        "rollover",
        "size_max",
        "windowsize_max",
        "without",
        "without_options",
    )

    def __init__(
        self,
        content: Any = None,
        *,
        blksize_max: int | None = None,
        windowsize_max: int | None = None,
        without: Iterable[str] = (),
        without_options: bool = False,
        resend_min: float | None = None,
        rollover: int | None = None,
        size_max: int | None = None,
        labels: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        machine: str | None = None,
        kind: str | None = None,
    ) -> None:
        self.content = content
        self.blksize_max = blksize_max
        self.windowsize_max = windowsize_max
        self.without = (without,) if isinstance(without, str) else tuple(without)
        self.without_options = without_options
        self.resend_min = resend_min
        self.rollover = rollover
        self.size_max = size_max
        self.labels = list(labels.items() if isinstance(labels, Mapping) else labels)
        self.machine = machine
        self.kind = kind

    def __repr__(self) -> str:
        return f"<Answer {self.content!r}>"

    def _terms(self) -> dict[str, Any]:
        terms: dict[str, Any] = {"kind": self.kind}
        for name in ("blksize_max", "windowsize_max", "resend_min", "rollover", "machine"):
            value = getattr(self, name)
            if value is not None:
                terms[name] = value
        if self.without_options:
            terms["without_options"] = True
        if self.without:
            terms["without"] = list(self.without)
        if self.labels:
            terms["labels"] = [(str(name), str(value)) for name, value in self.labels]
        return terms

    def _blksize(self, asked: int) -> int:
        """The block size that will be granted, of one that the server would grant."""
        if self.without_options or "blksize" in self.without:
            return 512
        return asked if self.blksize_max is None else max(8, min(asked, self.blksize_max))
