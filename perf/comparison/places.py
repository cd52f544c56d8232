"""Where things are."""

from pathlib import Path

PERF = Path(__file__).resolve().parent.parent
ROOT = PERF.parent
TARGET = PERF / "target"
PEERS = TARGET / "peers"
FILES = TARGET / "files"
LOGS = TARGET / "logs"
BOOTWIRE = ROOT / "target" / "release" / "bootwire"


def built(name: str) -> Path:
    """A program of the perf workspace."""
    return TARGET / "release" / name
