"""A server of many handlers, told apart by the first part of the path: handlers.py JOURNAL ADDRESS PORT RETRIES TIMEOUT

Nothing here knows which package `fbtftp` comes from.
"""

import io
import sys
import time

from journal import note, note_stats

from fbtftp import constants, netascii
from fbtftp.base_handler import BaseHandler, ResponseData, StringResponseData
from fbtftp.base_server import BaseServer


def pattern(size):
    """Bytes in which no two blocks are alike."""
    return b"".join(b"%07d\n" % at for at in range(size // 8 + 1))[:size]


class Content(ResponseData):
    """What is asked of it is noted."""

    def __init__(self, path, data):
        self._path = path
        self._size = len(data)
        self._reader = io.BytesIO(data)

    def read(self, n):
        data = self._reader.read(n)
        note(self._path, "read", n, len(data))
        return data

    def size(self):
        note(self._path, "size")
        return self._size

    def close(self):
        note(self._path, "close")


class Duck:
    """No subclass of anything."""

    def __init__(self, path, data):
        self._content = Content(path, data)
        self.read = self._content.read
        self.size = self._content.size
        self.close = self._content.close


class Dribble(Content):
    """A pipe: it gives less than it is asked for."""

    def read(self, n):
        return super().read(min(n, 100))


class Sizeless(Content):
    def size(self):
        super().size()


class SizeFails(Content):
    def size(self):
        raise OSError("nobody knows how long /srv/secret is")


class ReadFails(Content):
    """The third read fails."""

    reads = 0

    def read(self, n):
        self.reads += 1
        if self.reads == 3:
            note(self._path, "read fails")
            raise OSError("/srv/secret: bad sector")
        return super().read(n)


class CloseFails(Content):
    def close(self):
        super().close()
        raise OSError("/srv/secret: close")


class Prefetching(Content):
    """Refuses to be asked for more than it fetches at a time."""

    def read(self, n):
        if n > 4096:
            note(self._path, "asked for too much", n)
            raise ValueError("more than 4096")
        return super().read(n)


class Bytearrays(Content):
    def read(self, n):
        return bytearray(super().read(n))


class Slow(Content):
    """Every read takes its time."""

    def read(self, n):
        time.sleep(0.01)
        return super().read(n)


CONTENTS = {
    kind.__name__.lower(): kind
    for kind in (
        Content,
        Duck,
        Dribble,
        Sizeless,
        SizeFails,
        ReadFails,
        CloseFails,
        Prefetching,
        Bytearrays,
        Slow,
    )
}

EXCEPTIONS = {
    "FileNotFoundError": FileNotFoundError("no such thing"),
    "Path": FileNotFoundError(2, "No such file or directory", "/srv/secret/file"),
    "PermissionError": PermissionError("not for you"),
    "IsADirectoryError": IsADirectoryError("a directory"),
    "OSError": OSError("an error of the system"),
    "ValueError": ValueError("no good value"),
    "KeyError": KeyError("key"),
    "Exception": Exception("just so"),
}


class Handler(BaseHandler):
    """The usual one: `/content/SIZE/...`, `/string/...`, `/raise/EXCEPTION/...`"""

    def __init__(self, server_addr, peer, path, options):
        note(path, "init", list(server_addr), list(peer), dict(options))
        self.kind, self.argument = [*path.strip("/").split("/"), ""][:2]
        super().__init__(server_addr, peer, path, options, note_stats)
        note(path, "init returns")

    def get_response_data(self):
        note(self._path, "get_response_data")
        if self.kind in CONTENTS:
            return CONTENTS[self.kind](self._path, pattern(int(self.argument)))
        if self.kind == "string":
            return StringResponseData("gr\xfc\xdfe\n" * int(self.argument))
        if self.kind == "text":
            return Content(self._path, b"one\ntwo\r\nthree\r\n\n" * int(self.argument))
        if self.kind == "raise":
            raise EXCEPTIONS[self.argument]
        if self.kind == "sleeper":
            note(self._path, "asleep")
            time.sleep(float(self.argument))
            return StringResponseData("slept")
        if self.kind == "none":
            return None
        raise FileNotFoundError(self._path)


class RunNoted(Handler):
    """`/run/SIZE`: what stands behind `super().run()` sees the end of the transfer."""

    def get_response_data(self):
        return Content(self._path, pattern(int(self.argument)))

    def run(self):
        note(self._path, "run", type(self._response_data).__name__)
        try:
            super().run()
        finally:
            note(self._path, "run ends", self._stats.packets_sent, self._stats.bytes_sent)


class Deferred(Handler):
    """`/deferred/SIZE`: like Uyuni's, which must not block while it accepts, and answers in `run`."""

    def get_response_data(self):
        note(self._path, "get_response_data")
        return None

    def run(self):
        if self.argument == "missing":
            self._stats.error = {
                "error_code": constants.ERR_FILE_NOT_FOUND,
                "error_message": "nothing there",
            }
        else:
            self._response_data = Content(self._path, pattern(int(self.argument)))
        super().run()


class OwnOptions(Handler):
    """`/options/SIZE`: like a kickstart server's, with its own idea of options."""

    def get_response_data(self):
        return Content(self._path, b"a line\n" * int(self.argument))

    def _parse_options(self):
        note(self._path, "_parse_options", dict(self._options))
        acked = {}
        del self._options["retries"]
        del self._options["default_timeout"]
        self._stats.options_in = self._options
        if self._options["mode"] == "netascii":
            self._response_data = netascii.NetasciiReader(self._response_data)
        elif self._options["mode"] != "octet":
            self._stats.error = {
                "error_code": constants.ERR_ILLEGAL_OPERATION,
                "error_message": "no such mode here",
            }
            self._transmit_error()
            self._close()
            return
        for key, value in self._options.items():
            if key == "blksize":
                self._block_size = min(int(value), 1000)
                acked["blksize"] = str(self._block_size)
            elif key == "tsize":
                self._tsize = self._response_data.size()
                acked["tsize"] = str(self._tsize)
            elif key == "timeout":
                self._timeout = int(value)
                acked["timeout"] = value
        self._options = acked
        self._stats.blksize = self._block_size
        self._stats.options = acked
        self._stats.options_acked = acked


class SmallBlocks(Handler):
    """`/small/SIZE`: changes the options before they are read, as ratftpd does."""

    def __init__(self, server_addr, peer, path, options):
        if int(options.get("blksize", 0)) > 600:
            options["blksize"] = "600"
        super().__init__(server_addr, peer, path, options)

    def get_response_data(self):
        return Content(self._path, pattern(int(self.argument)))


class Stops(Handler):
    """`/stops/`: gives up while it is made."""

    def get_response_data(self):
        note(self._path, "get_response_data")
        self._should_stop = True
        return None


class CallbackFails(BaseHandler):
    """`/callback/fails` and `/callback/none`"""

    def __init__(self, server_addr, peer, path, options):
        def fails(stats):
            note_stats(stats)
            raise RuntimeError("the callback fails")

        callback = fails if "fails" in path else None
        super().__init__(server_addr, peer, path, options, callback)

    def get_response_data(self):
        return Content(self._path, pattern(700))


class InitFails(BaseHandler):
    def __init__(self, server_addr, peer, path, options):
        note(path, "init")
        raise RuntimeError("no handler today")


class OnClose(Handler):
    """`/onclose/SIZE`: overrides what is called at the end."""

    def get_response_data(self):
        return Content(self._path, pattern(int(self.argument)))

    def _on_close(self):
        note(self._path, "_on_close", self._stats.bytes_sent)
        super()._on_close()


class RunFails(Handler):
    def get_response_data(self):
        return Content(self._path, pattern(700))

    def run(self):
        note(self._path, "run")
        raise RuntimeError("/srv/secret: run fails")


SEEN = {}


class Global(Handler):
    """`/global/...`: counts the requests of its path, and gives the count."""

    def get_response_data(self):
        note(self._path, "get_response_data")
        return StringResponseData(str(SEEN.get(self._path, 0)))

    def run(self):
        SEEN[self._path] = SEEN.get(self._path, 0) + 1
        super().run()


HANDLERS = {
    "run": RunNoted,
    "runfails": RunFails,
    "deferred": Deferred,
    "options": OwnOptions,
    "small": SmallBlocks,
    "stops": Stops,
    "callback": CallbackFails,
    "initfails": InitFails,
    "onclose": OnClose,
    "global": Global,
}


class Server(BaseServer):
    def get_handler(self, server_addr, peer, path, options):
        note(path, "get_handler")
        kind = path.strip("/").split("/")[0]
        if kind == "nobody":
            return None
        if kind == "refused":
            raise RuntimeError("no handler for this")
        return HANDLERS.get(kind, Handler)(server_addr, peer, path, options)


if __name__ == "__main__":
    _, _, address, port, retries, timeout = sys.argv
    server = Server(address, int(port), int(retries), int(timeout))
    note("", "ready")
    server.run()
