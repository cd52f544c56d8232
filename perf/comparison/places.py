"""Where things are."""

from pathlib import Path

PERF = Path(__file__).resolve().parent.parent
ROOT = PERF.parent
TARGET = PERF / "target"
PEERS = TARGET / "peers"
FILES = TARGET / "files"
LOGS = TARGET / "logs"
# A copy: a build during the measurement does not change what is measured.
BOOTWIRE = TARGET / "bootwire"


def built(name: str) -> Path:
    """A program of the perf workspace."""
    return TARGET / "release" / name
