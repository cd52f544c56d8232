"""Directories that are served by name."""

from __future__ import annotations

from . import _bootwire

__all__ = ["Directory", "DirectoryFile"]


class Directory(_bootwire.Directory):
    """A directory whose files are served, whatever name a client sends: no name leads out of it.

    >>> images = Directory("/srv/images")  # doctest: +SKIP
    >>> @app.read("/images/{*name}")  # doctest: +SKIP
    ... def image(name: str):
    ...     return images / name

    Symbolic links lead to what is in the directory, or nowhere (`links="beneath"`); with
    `links="root"` absolute ones are followed as if it were the root, with `links="anywhere"` wherever
    they lead. `case_insensitive` finds `\\Boot\\BCD` under `boot/bcd`.

    Raises `OSError` if there is no such directory. It is held open.
    """

    __slots__ = ()

    def __truediv__(self, name: str | bytes) -> DirectoryFile:
        return DirectoryFile(self, name)


class DirectoryFile:
    """A file of a `Directory`, to be returned by a handler."""

    __slots__ = ("directory", "name")

    def __init__(self, directory: Directory, name: str | bytes) -> None:
        self.directory = directory
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name!r} in {self.directory!r}>"
