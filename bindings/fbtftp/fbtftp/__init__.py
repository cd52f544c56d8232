"""fbtftp's programming interface, on Bootwire's engine: another name for `bootwire.fbtftp`."""

from bootwire.fbtftp import *  # noqa: F403
from bootwire.fbtftp import __all__ as __all__

from . import base_handler as base_handler
from . import base_server as base_server
