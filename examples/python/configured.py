"""Adds one handler to a configured site: configured.py [CONFIGURATION]

Directories, origins, templates and inventories stay in the configuration; what the configuration cannot say is
Python. The site follows its configuration as it changes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bootwire import Request, Server

CONFIGURATION = Path(__file__).with_name("configured.toml")


def server(configuration: Path) -> Server:
    app = Server.from_config(configuration)

    @app.read("/status/{name}")
    def status(request: Request, name: str) -> str:
        return f"{name} asks from {request.peer_ip} at {time.strftime('%H:%M')}\n"

    return app


if __name__ == "__main__":
    server(Path(sys.argv[1]) if len(sys.argv) > 1 else CONFIGURATION).run()
