"""Serves the files of a directory: static_server.py DIRECTORY [--listen ADDRESS:PORT]

The files are sent by the engine, without Python; no name leads out of the directory. Each transfer is
printed as it ends.
"""

from __future__ import annotations

import argparse

from bootwire import Record, Server


def server(directory: str, listen: str) -> Server:
    app = Server(listen)
    app.directory("/{*name}", directory)

    @app.observe
    def note(record: Record) -> None:
        print(record.peer, record.path, record.outcome, record.bytes, flush=True)

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--listen", default="[::]:69")
    arguments = parser.parse_args()
    server(arguments.directory, arguments.listen).run()
