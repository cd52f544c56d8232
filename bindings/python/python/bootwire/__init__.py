"""A TFTP server for Python programs, on Bootwire's engine."""

from ._answer import Answer, Refusal
from ._bootwire import Record, Request

__all__ = ["Answer", "Record", "Refusal", "Request"]
