"""What is measured: one row for each kind of load."""

import os
from dataclasses import dataclass

from .places import FILES

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Row:
    """A kind of load. `raw` is its name in perf-raw."""

    name: str
    title: str
    clients: int
    size: int
    blksize: int = 512
    windowsize: int = 1
    # Each client reads once and all of them must end within `limit` seconds; else clients read
    # again and again for as long as the run lasts.
    once: bool = False
    limit: int = 0
    # A server that grants less than asked cannot run the row. A boot storm is for all: firmware
    # takes what it is given.
    strict: bool = True
    # Clients take datagrams that arrive together as one, as hardware that segments would leave
    # them: what the server hands down in one piece is never cut.
    gro: bool = False
    raw: str = ""
    # Measured only if it is named.
    on_request: bool = False
    # How many times Bootwire's CPU a server with a task and a socket for each transfer should take.
    target: float | None = None

    @property
    def file(self) -> str:
        return f"{self.size // KIB}k"

    @property
    def path(self) -> str:
        return str(FILES / self.file)

    @property
    def per_transfer(self) -> bool:
        """Whether transfers, rather than blocks, are what the row is about."""
        return self.once or self.size <= 64 * KIB


ROWS = [
    Row("512x1", "512 B lockstep × 1", 1, MIB, raw="512x1"),
    Row("512x4", "512 B lockstep × 4", 4, MIB, raw="512x4"),
    Row("512x64", "512 B lockstep × 64", 64, MIB, raw="512x64", target=1.2),
    Row("512x1000", "512 B lockstep × 1000", 1000, MIB, raw="512x1000", target=1.45),
    Row("512x5000", "512 B lockstep × 5000", 5000, MIB, raw="512x5000", target=1.8),
    Row("1468x64", "1468 B lockstep × 64", 64, 4 * MIB, 1468, raw="1468x64"),
    Row("w16x1", "1468 B windowsize 16 × 1", 1, 16 * MIB, 1468, 16, raw="1468w16x1"),
    Row("w16x16", "1468 B windowsize 16 × 16", 16, 16 * MIB, 1468, 16, raw="1468w16x16",
        target=4),
    Row("w64x1", "1468 B windowsize 64 × 1", 1, 16 * MIB, 1468, 64, raw="1468w64x1"),
    Row("w64x16", "1468 B windowsize 64 × 16", 16, 16 * MIB, 1468, 64, raw="1468w64x16",
        target=4),
    Row("w64x16-gro", "the same, clients with GRO", 16, 16 * MIB, 1468, 64, gro=True,
        target=9),
    Row("65464x16", "65464 B lockstep × 16", 16, 64 * MIB, 65464, raw="65464x16"),
    Row("4k", "4 KiB files back to back × 200", 200, 4 * KIB, 1468, target=2),
    Row("storm", "boot storm: 5000 × 2 MiB, windowsize 4", 5000, 2 * MIB, 1468, 4,
        once=True, limit=180, strict=False, raw="storm"),
    # Each transfer leaves a record, and each record goes to all who are told.
    Row("seen", "64 KiB files back to back × 5000", 5000, 64 * KIB, 1468, on_request=True),
]


def make_files() -> None:
    """Writes what is read in the rows: random bytes, so that no block equals another."""
    FILES.mkdir(parents=True, exist_ok=True)
    for row in ROWS:
        if not os.path.exists(row.path) or os.path.getsize(row.path) != row.size:
            with open(row.path, "wb") as file:
                file.write(os.urandom(row.size))
        os.chmod(row.path, 0o644)
