"""Another name for `bootwire.fbtftp.netascii`: the same module."""

import sys

import bootwire.fbtftp.netascii
from bootwire.fbtftp.netascii import *  # noqa: F403

sys.modules[__name__] = bootwire.fbtftp.netascii
