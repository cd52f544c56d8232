"""Takes the configurations that switches upload: switch_backups.py DIRECTORY [--listen ADDRESS:PORT]

Each upload is a new file, named after the switch's address and the time; it appears when it is whole.
`/latest` gives a switch the one it uploaded last. Uploads that are no configuration are refused.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from bootwire import Refusal, Request, Server


def server(directory: Path, listen: str) -> Server:
    app = Server(listen)

    def backups(request: Request) -> Path:
        """The directory of the switch that asks."""
        return directory / request.peer_ip.replace(":", "-")

    @app.write("/running-config", size_max=4 << 20)
    def back_up(request: Request, body: bytes) -> None:
        if not body.startswith((b"!", b"hostname", b"version")):
            raise Refusal.denied("Not a configuration")
        place = backups(request)
        place.mkdir(parents=True, exist_ok=True)
        whole = place / f"{time.time_ns()}.cfg"
        part = whole.with_suffix(".part")
        part.write_bytes(body)
        part.rename(whole)

    @app.write("/core/{name}", size_max=512 << 20)
    def core(request: Request, name: str) -> Path:
        # Large: it goes to its file as it comes.
        place = backups(request)
        place.mkdir(parents=True, exist_ok=True)
        return place / f"core-{name}"

    @app.read("/latest")
    def latest(request: Request) -> Path | None:
        return max(backups(request).glob("*.cfg"), default=None)

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--listen", default="[::]:69")
    arguments = parser.parse_args()
    server(arguments.directory, arguments.listen).run()
