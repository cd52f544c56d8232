"""Clients of others against both: tftp-hpa, atftp, curl, busybox, tftpy."""

from .clients import CLIENTS, fetch
from .compare import SideBySide, brief, plain


class Clients(SideBySide):
    def fetched(self, name, path):
        """A scenario: what the client got, and what the server noted."""
        path = self.path(f"{path}/{name}")

        def scenario(side):
            data, _ = fetch(CLIENTS[name], side.server, path)
            side.wait("callback", path)
            notes = plain(side.notes(path), {side.port: "server's"})
            for note in notes:
                if note[0] == "callback":
                    note[1]["peer"][1] = "client's"
                    note[1]["packets_acked"] = "some"
                if note[0] == "init":
                    note[2][1] = "client's"
            return {"data": data and brief(data), "calls": notes}

        return scenario

    def every_client(self, path, but=()):
        for name in CLIENTS:
            if name not in but:
                with self.subTest(name):
                    self.same(self.fetched(name, path))

    def test_a_file(self):
        self.every_client("content/20000")

    def test_a_file_of_whole_blocks(self):
        self.every_client("content/8192")

    def test_text(self):
        self.every_client("text/50")

    def test_a_string(self):
        self.every_client("string/30")

    def test_an_empty_file(self):
        # curl ends without a word to the server, which then waits for three times the 6 s that curl asks for.
        self.every_client("content/0", but=("curl", "curl_blksize"))

    def test_no_file(self):
        self.every_client("raise/FileNotFoundError")
