"""Clients of others against both: tftp-hpa, atftp, curl, busybox, tftpy."""

from .clients import CLIENTS, fetch
from .compare import SideBySide, brief, plain

# Those that ask for the size and for something else.
WITH_SIZE = ("atftp_options", "busybox", "tftpy")


def sizeless(notes):
    """The notes of a transfer whose client was not told the size."""
    for note in notes:
        if note[0] == "callback":
            for field in ("options", "options_acked"):
                note[1][field] = {k: v for k, v in note[1][field].items() if k != "tsize"}
    return notes


SIZELESS = ("Size of an empty file", sizeless)


class Clients(SideBySide):
    def fetched(self, name, kind):
        """A scenario: what the client got, and what the server noted."""
        kind = self.path(f"{kind}/{name}")

        def scenario(side):
            for attempt in range(10):
                path = f"{kind}/{attempt}"
                data, _ = fetch(CLIENTS[name], side.server, path)
                side.wait("callback", path)
                if any(note[0] in ("read", "size") for note in side.notes(path)):
                    side.wait("close", path)
                notes = side.notes(path)
                # On a busy machine some ask again before they are answered, and fbtftp serves them twice.
                if sum(note[0] == "get_handler" for note in notes) == 1:
                    return {"data": data and brief(data), "calls": self.without_ports(side, notes)}
            raise AssertionError(f"{name} never asked just once")

        return scenario

    def without_ports(self, side, notes):
        notes = plain(notes, {side.port: "server's"})
        for note in notes:
            if note[0] == "callback":
                note[1]["peer"][1] = "client's"
                note[1]["packets_acked"] = "some"
            if note[0] == "init":
                note[2][1] = "client's"
        return notes

    def every_client(self, path, but=(), **differs):
        for name in CLIENTS:
            if name not in but:
                with self.subTest(name):
                    scenario = self.fetched(name, path)
                    self.same(scenario, **(differs if name in WITH_SIZE else {}))

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
        self.every_client("content/0", but=("curl", "curl_blksize"), calls=SIZELESS)

    def test_no_file(self):
        self.every_client("raise/FileNotFoundError")
