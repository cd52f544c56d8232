"""A handler of the package `bootwire` that answers with a path: bootwire_server.py DIR ADDRESS PORT"""

import sys
from pathlib import Path

from bootwire import Server

root = Path(sys.argv[1])
# One worker, like every server that is measured; and callbacks that do nothing, like fbtftp's.
app = Server(f"{sys.argv[2]}:{sys.argv[3]}", workers=1, windowsize_first=64)


@app.read("/{*name}")
def file(name: str) -> Path:
    return root / name


@app.observe
def ended(record: object) -> None:
    pass


app.run()
