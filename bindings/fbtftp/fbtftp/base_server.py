"""Another name for `bootwire.fbtftp.base_server`: the same module."""

import sys

import bootwire.fbtftp.base_server
from bootwire.fbtftp.base_server import *  # noqa: F403

sys.modules[__name__] = bootwire.fbtftp.base_server
