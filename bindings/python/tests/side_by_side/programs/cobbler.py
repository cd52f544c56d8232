"""Starts cobbler-tftp's server with settings of ours: cobbler.py ADDRESS PORT URI STATIC"""

import logging
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

from cobbler_tftp.server.tftp import TFTPServer

logging.basicConfig(level=logging.INFO)
_, address, port, uri, static = sys.argv
settings = SimpleNamespace(
    tftp_addr=address,
    tftp_port=int(port),
    tftp_retries=1,
    tftp_timeout=1,
    uri=uri,
    user="cobbler",
    password="cobbler",
    prefetch_size=4096,
    token_refresh_interval=1800,
    static_fallback_dir=Path(static),
)


def leave(number, frame):
    raise SystemExit


signal.signal(signal.SIGTERM, leave)
server = TFTPServer(settings)
try:
    server.run()
except SystemExit:
    logging.info("told to end")
server.cleanup()
