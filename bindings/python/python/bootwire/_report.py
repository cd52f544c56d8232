"""What a program's code raises: who is told of it, and what."""

from __future__ import annotations

import logging
import types
from typing import Any

from . import _bootwire
from ._answer import Refusal, refusal_of

__all__ = ["logged", "refuse", "report"]

log = logging.getLogger("bootwire")


def report(error: BaseException, what: str, about: Any) -> None:
    """Says in the log what a program's code raised. It is never raised any further."""
    log.error(what, safe(about), exc_info=error)


def safe(about: Any) -> str:
    """The `repr` of something of the program's, which may raise what it likes."""
    try:
        return repr(about)
    except BaseException:
        return object.__repr__(about)


async def logged(coroutine: types.CoroutineType[Any, Any, Any], what: str, about: Any) -> None:
    try:
        await coroutine
    except BaseException as error:
        report(error, what, about)


def refuse(ticket: _bootwire.Ticket, error: BaseException, what: str, about: Any) -> None:
    """Tells the client what a program's code has raised, as far as clients are told."""
    refusal = refusal_of(error)
    if refusal is None:
        report(error, what, about)
        refusal = Refusal(0, detail=f"{type(error).__name__} in Python: the log has it")
    try:
        ticket.refuse(refusal.code, refusal.text, refusal.detail, refusal.silent, refusal._terms())
    except BaseException as second:  # such as a code that is none
        report(second, "cannot refuse as told: %s", refusal)
        if ticket.awaited():
            ticket.refuse(0)
