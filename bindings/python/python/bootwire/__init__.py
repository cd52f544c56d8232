"""A TFTP server for Python programs: every answer is your code.

>>> from bootwire import MacAddr, Server
>>> app = Server("[::]:69")
>>> @app.read("/grub/grub.cfg-01-{mac}")
... def grub_config(mac: MacAddr) -> str:
...     return f"set default=0\\n# made for {mac}\\n"
>>> app.run()  # doctest: +SKIP

`Server` has routes to functions; what these take and return is told at `Server.read` and
`Server.write`. `Refusal` says no, `Answer` adds terms to content, `Directory` serves files whose names
come from clients, and a `Record` says what happened to a transfer. `bootwire.fbtftp` is for programs that
were written for fbtftp.

Importing it starts no thread and opens nothing.
"""

from __future__ import annotations

from ._refused import in_main_interpreter, reason

if not in_main_interpreter():
    raise ImportError(reason(None))
try:
    from . import _bootwire
except ImportError as _error:
    raise ImportError(reason(_error)) from _error

from ._answer import Answer, Refusal
from ._bootwire import Record, Request
from ._directory import Directory, DirectoryFile
from ._mac import MacAddr
from ._server import Server
from ._sinks import FileSink
from ._testing import Reply

__all__ = [
    "Answer",
    "Directory",
    "DirectoryFile",
    "FileSink",
    "MacAddr",
    "Record",
    "Refusal",
    "Reply",
    "Request",
    "Server",
]

__version__ = _bootwire.VERSION
