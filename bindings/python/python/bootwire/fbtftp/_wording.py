"""What a client is told when a handler fails."""

# Texts that tell nothing of the server.
NOT_FOUND = "File not found"
FAILED = "Server error, try again"
BUSY = "Server busy, try again"
GONE = "the client is gone"
UNKNOWN = "how the transfer ended is not known"
UNREADABLE = "Error while reading from source"

# What is wrong with a program is nothing for a boot screen.
_MISTAKES = (AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError)


def for_client(error: Exception, path: str) -> str:
    """The error's own words, unless they name a path other than the one that was asked for."""
    usual = NOT_FOUND if isinstance(error, FileNotFoundError) else FAILED
    text = getattr(error, "strerror", None) or str(error)
    lines = str(text).strip().splitlines()
    if not lines or isinstance(error, _MISTAKES):
        return usual
    text = lines[0]
    asked = path.strip("/\\")
    rest = text.replace(path, "") if asked else text
    if "/" in rest or "\\" in rest or not text.isprintable():
        return usual
    return text
