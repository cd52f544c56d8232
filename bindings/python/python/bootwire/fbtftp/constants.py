"""Numbers of the protocol, by the names that fbtftp gave them."""

from typing import Final

OPCODE_RRQ: Final = 1
OPCODE_WRQ: Final = 2
OPCODE_DATA: Final = 3
OPCODE_ACK: Final = 4
OPCODE_ERROR: Final = 5
OPCODE_OACK: Final = 6

MODE_NETASCII: Final = "netascii"
MODE_BINARY: Final = "octet"

# Error codes of RFC 1350, and 8 of RFC 2347.
ERR_UNDEFINED: Final = 0
ERR_FILE_NOT_FOUND: Final = 1
ERR_ACCESS_VIOLATION: Final = 2
ERR_DISK_FULL: Final = 3
ERR_ILLEGAL_OPERATION: Final = 4
ERR_UNKNOWN_TRANSFER_ID: Final = 5
ERR_FILE_EXISTS: Final = 6
ERR_NO_SUCH_USER: Final = 7
ERR_INVALID_OPTIONS: Final = 8

#: The last block number before they start over.
MAX_BLOCK_NUMBER: Final = 65535

#: Bytes in a block when the client does not ask for another size.
DEFAULT_BLKSIZE: Final = 512

#: Seconds between two calls of a server's statistics callback, unless it says otherwise.
DATAPOINTS_INTERVAL_SECONDS: Final = 60
