"""fbtftp's programming interface, on Bootwire's engine.

Programs written for fbtftp 0.5 run unchanged: change `from fbtftp import …` into
`from bootwire.fbtftp import …`, or install the distribution `bootwire-fbtftp`, which is called
`fbtftp` in Python. What differs is listed in `docs/reference/fbtftp.md`.
"""

from . import constants, netascii
from .base_handler import (
    BaseHandler,
    Content,
    ResponseData,
    SessionStats,
    StringResponseData,
)
from .base_server import BaseServer, ServerStats

__all__ = [
    "BaseHandler",
    "BaseServer",
    "Content",
    "ResponseData",
    "ServerStats",
    "SessionStats",
    "StringResponseData",
    "constants",
    "netascii",
]
