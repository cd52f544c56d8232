"""Clients that do not just take what they get: packet by packet."""

from .compare import ANY, SideBySide, blocks, changed, told
from .raw import DATA, RRQ, WRQ, Client, Packet, Transfer, ack, error, request

MALFORMED = told(4, "Malformed request")


class Conversations(SideBySide):
    def converse(self, path, play, *words):
        """A scenario: `play(client, packets)` does what it likes after the request."""
        path = self.path(path)

        def scenario(side):
            with Client(side.server) as client:
                client.ask(request(RRQ, path, "octet", *words))
                packets = []
                play(client, packets)
                return self.shown(side, path, client, Transfer(packets, b""), calls=False)

        return scenario

    def test_a_client_that_gives_up(self):
        def play(client, packets):
            packets.append(client.receive())
            client.send(error(0, "User aborted"))
            packets += client.silent()

        self.same(
            self.converse("content/2000", play),
            packets=("A client's error", lambda theirs: theirs[:1]),
        )

    def test_a_client_that_does_not_like_the_options(self):
        def play(client, packets):
            packets.append(client.receive())
            client.send(error(8, "no such options"))
            packets += client.silent()

        self.same(
            self.converse("content/2000", play, "tsize", "0"),
            packets=("A client's error", lambda theirs: theirs[:1]),
        )

    def silent(self, *words):
        """A client of which nothing is heard again. How often it is sent what was sent is told in the stats."""

        def play(client, packets):
            packets.append(client.receive())
            while client.receive(2.5):
                pass

        def scenario(side):
            seen = self.converse("content/2000", play, *words)(side)
            counted = seen["stats"][0]
            again = counted.pop("retransmits")
            self.assertEqual(counted.pop("packets_sent"), 1 + again)
            self.assertEqual(
                counted["error"].pop("error_message"), f"timeout after {again} retransmits."
            )
            counted.pop("bytes_sent")
            seen["again"] = again
            return seen

        return scenario

    def test_a_client_that_is_silent(self):
        self.same(self.silent(), again=("Lost packets", ANY))

    def test_a_client_that_is_silent_after_the_options(self):
        self.same(self.silent("tsize", "0"), again=("Lost packets", ANY))

    def test_a_client_that_misses_a_block(self):
        def play(client, packets):
            packets.append(client.receive())
            client.send(ack(1))
            packets.append(client.receive())
            packets.append(client.receive())
            client.send(ack(2))

        row = "Statistics of what was sent again"
        self.same(self.converse("content/700", play), stats=(row, changed(bytes_sent=700 + 512)))

    def test_repeated_acks(self):
        def play(client, packets):
            packets.append(client.receive())
            client.send(ack(1))
            client.send(ack(1))
            packets += client.silent(0.3)
            client.send(ack(2))

        self.same(self.converse("content/700", play))

    def test_acks_of_what_was_not_sent(self):
        def play(client, packets):
            packets.append(client.receive())
            client.send(ack(7))
            packets += client.silent(0.3)
            client.send(ack(1))
            packets.append(client.receive())
            client.send(ack(2))

        self.same(self.converse("content/700", play))

    def test_data_instead_of_an_ack(self):
        def play(client, packets):
            packets.append(client.receive())
            client.send(b"\0" + bytes([DATA]) + b"\0\1data")
            packets += client.silent()
            client.send(ack(1))
            packets += client.silent()
            client.send(ack(2))

        row = "Other packets in a transfer"
        self.same(
            self.converse("content/700", play),
            packets=(row, blocks(700)),
            stats=(row, changed(error={}, packets_sent=2, packets_acked=2, bytes_sent=700)),
        )

    def test_a_stranger(self):
        def play(client, packets):
            packets.append(client.receive())
            with Client(client.server) as stranger:
                stranger.peer = client.peer
                stranger.send(ack(1))
                packets.append(stranger.receive(0.5))
            client.send(ack(1))
            packets += client.silent(0.5)
            client.send(ack(2))

        row = "Packets from another port"
        first, second = blocks(700)
        self.same(
            self.converse("content/700", play),
            packets=(row, [first, Packet("ERROR", (5, "Unknown transfer ID")), second]),
            stats=(row, changed(packets_sent=2, packets_acked=2, bytes_sent=700)),
        )

    def test_a_repeated_request(self):
        path = self.path("content/700")

        def scenario(side):
            with Client(side.server) as client:
                client.ask(request(RRQ, path, "octet"))
                first = client.receive()
                client.ask(request(RRQ, path, "octet"))
                second = client.receive()
                client.send(ack(1))
                third = client.receive()
                client.send(ack(2))
            side.wait("callback", path)
            return {
                "packets": [first, second, third],
                "handlers": len([note for note in side.notes(path) if note[0] == "init"]),
            }

        self.same(scenario, handlers=("Repeated requests", 1))


class Unwanted(SideBySide):
    """What comes to the well-known port and is no read."""

    def answer(self, packet):
        def scenario(side):
            with Client(side.server) as client:
                client.ask(packet)
                return {"packets": client.silent(0.5)}

        return scenario

    def test_an_upload(self):
        self.same(
            self.answer(request(WRQ, "file", "octet")),
            packets=("Uploads", told(2, "Uploads are not accepted here")),
        )

    def test_a_request_without_a_mode(self):
        self.same(self.answer(b"\0\1file\0"), packets=("Malformed requests", MALFORMED))

    def test_an_option_without_a_value(self):
        self.same(
            self.answer(request(RRQ, "content/10/unwanted", "octet", "blksize")),
            packets=("Options without a value", blocks(10)),
        )

    def test_an_ack(self):
        self.same(self.answer(ack(1)))

    def test_an_error(self):
        self.same(self.answer(error(0, "what")))

    def test_an_unknown_opcode(self):
        self.same(self.answer(b"\0\11file\0octet\0"))

    def test_a_request_without_the_last_zero(self):
        self.same(
            self.answer(b"\0\1content/100/unterminated\0octet"),
            packets=("Malformed requests", MALFORMED),
        )
