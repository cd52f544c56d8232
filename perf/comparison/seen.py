"""Everything that tells what a server does, switched on, and those who are told."""

import http.server
import socket
import threading
from pathlib import Path

from .places import FILES, TARGET

# Who listens here is told; nobody listens on the other ports.
HTTP, STATSD = 6980, 6981
DEAD = 6989

CONFIG = """
listen = "{endpoint}"
workers = 1
windowsize_first = 64
log = "json"
[metrics]
listen = "127.0.0.1:6982"
statsd = {{ address = "127.0.0.1:{statsd}", tags = "dogstatsd" }}
[otlp]
url = "http://127.0.0.1:{http}"
[[webhook]]
url = "http://127.0.0.1:{http}/hook"
events = ["transfer", "boot", "verdict"]
[admin]
listen = "127.0.0.1:6983"
[boots]
database = "{database}"
[[route]]
dir = "{files}"
"""


def config(name: str, endpoint: str, alive: bool) -> Path:
    """A configuration with all of it; those who are told listen, or nobody does."""
    path = TARGET / f"{name}.toml"
    TARGET.mkdir(exist_ok=True)
    if alive:
        told = {"http": HTTP, "statsd": STATSD, "database": TARGET / "boots" / "boots.db"}
        told["database"].parent.mkdir(exist_ok=True)
    else:
        told = {"http": DEAD, "statsd": DEAD, "database": f"postgres://boots@127.0.0.1:{DEAD}/boots"}
    path.write_text(CONFIG.format(endpoint=endpoint, files=FILES, **told))
    return path


class Taker(http.server.BaseHTTPRequestHandler):
    """Takes what is posted, and says that all is well."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args) -> None:
        pass


def listen() -> None:
    """Starts those who are told, as threads; they run on the clients' core and end with the process."""
    statsd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    statsd.bind(("127.0.0.1", STATSD))

    def take() -> None:
        while True:
            statsd.recv(65536)

    threading.Thread(target=take, daemon=True).start()
    web = http.server.ThreadingHTTPServer(("127.0.0.1", HTTP), Taker)
    threading.Thread(target=web.serve_forever, daemon=True).start()
