"""Interpreters that cannot have the engine, and why, in words."""

from __future__ import annotations

import importlib
import sys
import sysconfig
from typing import Any

__all__ = ["in_main_interpreter", "reason"]


def in_main_interpreter() -> bool:
    """Whether this is the process's first interpreter: the engine has one set of types in a process,
    and objects of two interpreters must not meet in them."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters: Any = importlib.import_module(name)
        except ImportError:
            continue
        current, main = interpreters.get_current(), interpreters.get_main()
        return _number(current) == _number(main)
    return True


def _number(interpreter: Any) -> int:
    """The interpreter's number; since 3.13 it comes in a tuple."""
    return int(interpreter[0] if isinstance(interpreter, tuple) else interpreter)


def reason(error: ImportError | None) -> str:
    """What to tell whoever imports `bootwire` here."""
    if error is None or "subinterpreter" in str(error):
        return (
            "bootwire works in the main interpreter only, not in subinterpreters: import it there, or "
            "in a process of its own"
        )
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            "bootwire is built for Python with the GIL, and this is the free-threaded one: run the "
            f"program with the other build of Python {version} ({error})"
        )
    return f"bootwire's engine cannot be loaded here: {error}"
