"""Another name for `bootwire.fbtftp.base_handler`: the same module."""

import sys

import bootwire.fbtftp.base_handler
from bootwire.fbtftp.base_handler import *  # noqa: F403

sys.modules[__name__] = bootwire.fbtftp.base_handler
