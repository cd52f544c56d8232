"""The settings of an engine, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias, TypedDict

__all__ = ["Network", "Settings"]

Network: TypeAlias = str | IPv4Address | IPv6Address | IPv4Network | IPv6Network


class Settings(TypedDict, total=False):
    """Keyword arguments of `bootwire.Server`. Times are in seconds, sizes in bytes."""

    #: Threads that move packets; as many as there are cores if not set.
    workers: int
    #: Answers from the listening port: for NAT and load balancers that do not follow TFTP.
    single_port: bool
    #: Ports for transfers, first and last: for firewalls.
    ports: tuple[int, int]
    #: Largest block granted, 8 to 65464. The network's frames cap it further, unless `fragment`.
    blksize_max: int
    #: Largest window granted, 1 to 32767 blocks. Default 64.
    windowsize_max: int
    #: Largest window granted to a client that has not acknowledged a whole one yet. Default 32.
    windowsize_first: int
    #: Lets blocks larger than a frame go out in fragments.
    fragment: bool
    #: Takes a W3C trace context off the end of file names.
    traceparent: bool
    #: Networks whose clients are served; others get no answer. Default: all.
    allow: Iterable[Network]
    #: Networks without budgets for strangers. Default: loopback.
    unlimited: Iterable[Network]
    #: Most transfers at a time. Default 100 000.
    transfers_max: int
    #: Most transfers at a time from one address, on each worker. Default 16 384.
    transfers_per_peer_max: int
    #: Most transfers at a time of clients that have not answered yet. Default 32 768.
    unproven_max: int
    #: The same of one address, and of one network. Default (8, 64).
    unproven_per_source_max: tuple[int, int]
    #: Most bytes of content held for clients that have not answered yet. Default 64 MiB.
    unproven_content_max: int
    #: Most requests a second of one address, and of one network. Default (1 000, 10 000).
    requests_per_second_max: tuple[int, int]
    #: Gives requests from ports below 1024 no answer.
    refuse_low_ports: bool
    #: How long a handler may take, the first read of its content included. Default 10.
    deadline: float
    #: Uses only what every Unix has: for doubt about a kernel or driver.
    portable_io: bool
    #: How long a worker looks for packets before it sleeps, at most 0.01.
    spin: float
    #: Least time before anything is sent again, whatever was measured.
    resend_min: float
    #: Time before a block is sent again, before anything was measured. Default 1.
    resend_first: float
    #: Longest time before a block is sent again. Default 8.
    resend_ceiling: float
    #: Resends before the client's first answer. Default 2.
    unproven_resends: int
    #: How long the client's first answer is waited for. Default 10.
    unproven_life: float
    #: Silence after which a client is given up. Default 60.
    give_up: float
    #: How long a last ACK is waited for. Default 10.
    linger: float
