"""What happened in one transfer."""

import time
from typing import TYPE_CHECKING, Any

from . import constants

if TYPE_CHECKING:
    from ._engine import Record

__all__ = ["Peer", "SessionStats"]

#: An address as Python's `socket` has it: a pair for IPv4, four values for IPv6.
Peer = tuple[Any, ...]


class SessionStats:
    """What happened in one transfer: the argument of a handler's statistics callback."""

    def __init__(self, server_addr: Peer, peer: Peer, file_path: str) -> None:
        self.peer = peer
        self.server_addr = server_addr
        self.file_path = file_path
        #: `error_code` and `error_message` of the error that ended it; empty if none did.
        self.error: dict[str, Any] = {}
        #: The options granted: the same as `options_acked`.
        self.options: dict[str, Any] = {}
        #: What the client asked for, with its mode.
        self.options_in: dict[str, Any] = {}
        #: The options granted.
        self.options_acked: dict[str, Any] = {}
        #: Seconds since the epoch.
        self.start_time = time.time()
        #: Packets sent, resends and the answer to options included; errors not.
        self.packets_sent = 0
        #: Packets that the client acknowledged.
        self.packets_acked = 0
        #: Bytes of content sent, those sent again included.
        self.bytes_sent = 0
        #: How often something had to be sent again.
        self.retransmits = 0
        #: Bytes in a block.
        self.blksize = constants.DEFAULT_BLKSIZE

    def duration(self) -> float:
        """Seconds since the request."""
        return time.time() - self.start_time


def settle(stats: SessionStats, record: "Record") -> int:
    """Takes over what the engine counted. Answers how often something was sent again."""
    oack = 1 if record.granted else 0
    resent = max(record.blocks_resent, record.timeouts)
    complete = record.outcome == "complete"
    if record.blocks or oack:
        stats.blksize = record.blksize
    stats.packets_sent = record.blocks + oack + resent
    if complete:
        stats.packets_acked = record.blocks + oack
        sent = record.bytes
    else:
        # Who got a block has acknowledged the options.
        stats.packets_acked = record.bytes // record.blksize + min(oack, record.blocks)
        sent = record.blocks * record.blksize
        if record.size is not None:
            sent = min(sent, record.size)
    # Which block was sent again is not known: in the end it is the one that nobody acknowledged.
    block = record.blksize
    if record.blocks == 1 or (not complete and record.windowsize == 1):
        block = min(block, sent - record.bytes or sent)
    elif record.last_ack_missing:
        block = sent - (record.blocks - 1) * record.blksize
    stats.bytes_sent = sent + record.blocks_resent * block
    if not stats.error and not complete:
        stats.error = _error(record, resent)
    return resent


def _error(record: "Record", resent: int) -> dict[str, Any]:
    if record.error is not None:
        code, message = record.error
        return {"error_code": int(code), "error_message": str(message)}
    if record.outcome == "timeout":
        message = f"timeout after {resent} retransmits."
        if record.size is not None and record.blocks > record.size // record.blksize:
            message += " Missed last ack."
    elif record.outcome == "client_abort":
        message = "the client started over"
    else:
        message = str(record.detail or record.outcome)
    return {"error_code": constants.ERR_UNDEFINED, "error_message": message}
