"""What subclasses override, and in which order it is called."""

from .compare import SideBySide, told
from .raw import Client
from .sides import wait_for


class Overridden(SideBySide):
    def test_run(self):
        self.same(self.read("run/2000"))

    def test_run_with_options(self):
        self.same(self.read("run/2000", "octet", "blksize", "700", "tsize", "0"))

    def test_run_that_finds_the_content(self):
        self.same(self.read("deferred/2000", "octet", "tsize", "0"))

    def test_run_that_refuses(self):
        self.same(self.read("deferred/missing"))

    def test_parse_options(self):
        self.same(self.read("options/500"))

    def test_parse_options_with_options(self):
        self.same(
            self.read("options/500", "octet", "blksize", "1400", "tsize", "0", "timeout", "2")
        )

    def test_parse_options_in_netascii(self):
        self.same(self.read("options/500", "netascii", "tsize", "0"))

    def test_parse_options_that_refuses(self):
        row = "Unknown mode"
        self.same(
            self.read("options/500", "mail", done="fbtftp"),
            packets=(row, told(4, "Unknown mode: use octet or netascii")),
            stats=(row, []),
            calls=(row, []),
        )

    def test_options_changed_before_the_constructor(self):
        self.same(self.read("small/2000", "octet", "blksize", "1400"))

    def test_on_close(self):
        self.same(self.read("onclose/700"))


class Globals(SideBySide):
    def test_what_run_changes(self):
        path = self.path("global")

        def scenario(side):
            answers = []
            for count in range(1, 3):
                with Client(side.server) as client:
                    answers.append(client.read(path).data)
                side.wait("callback", path, count)
            return {"answers": answers}

        self.same(scenario, answers=("One process", [b"0", b"1"]))


class OnSix(SideBySide):
    """A server on `::` and clients of both families."""

    ADDRESS = "::"

    def test_a_client_of_six(self):
        path = self.path("content/700")

        def scenario(side):
            with Client(("::1", side.port)) as client:
                return self.shown(side, path, client, client.read(path, "octet", "tsize", "0"))

        self.same(scenario)

    def test_a_client_of_four(self):
        path = self.path("content/700")

        def scenario(side):
            with Client(("127.0.0.1", side.port)) as client:
                return self.shown(side, path, client, client.read(path, "octet", "tsize", "0"))

        self.same(scenario)


class Parallel(SideBySide):
    """Transfers do not wait for each other."""

    def test_twenty_at_a_time(self):
        def scenario(side):
            paths = [self.path(f"slow/1500/{number}") for number in range(20)]
            clients = [Client(side.server) for _ in paths]
            try:
                for client, path in zip(clients, paths, strict=True):
                    client.ask(b"\0\1" + path.encode() + b"\0octet\0")
                digests = {client.go_on().digest for client in clients}
            finally:
                for client in clients:
                    client.close()
            for path in paths:
                side.wait("callback", path)
            notes = wait_for(
                "content closed",
                lambda: [side.notes(path) for path in paths if ["close"] in side.notes(path)],
            )
            return {"digests": digests, "closed": len(notes)}

        self.same(scenario)
