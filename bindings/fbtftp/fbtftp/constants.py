"""Another name for `bootwire.fbtftp.constants`: the same module."""

import sys

import bootwire.fbtftp.constants
from bootwire.fbtftp.constants import *  # noqa: F403

sys.modules[__name__] = bootwire.fbtftp.constants
