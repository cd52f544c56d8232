"""fbtftp as a server of one directory: fbtftp_server.py DIR ADDRESS PORT

The handler opens the file and hands it over, as in fbtftp's own example; the callbacks that fbtftp
wants are there and do nothing.
"""

import os
import sys

from fbtftp.base_handler import BaseHandler, ResponseData
from fbtftp.base_server import BaseServer


class File(ResponseData):
    def __init__(self, path):
        self._size = os.stat(path).st_size
        self._reader = open(path, "rb")

    def read(self, n):
        return self._reader.read(n)

    def size(self):
        return self._size

    def close(self):
        self._reader.close()


class Handler(BaseHandler):
    def __init__(self, server_addr, peer, path, options, root):
        self._root = root
        super().__init__(server_addr, peer, path, options, lambda stats: None)

    def get_response_data(self):
        return File(os.path.join(self._root, self._path))


class Server(BaseServer):
    def __init__(self, root, address, port):
        self._root = root
        super().__init__(address, port, 5, 2)

    def get_handler(self, server_addr, peer, path, options):
        return Handler(server_addr, peer, path, options, self._root)


if __name__ == "__main__":
    root, address, port = sys.argv[1:]
    Server(root, address, int(port)).run()
