"""Many clients at a time, and handlers that take their time: Bootwire alone."""

import hashlib
import os
import resource
import selectors
import signal
import time
import unittest

from .raw import Client, Packet, ack, request
from .sides import Side, pattern, wait_for

RRQ = 1


class Crowd:
    """Clients that read at the same time, from one thread. Who was not answered asks again."""

    def __init__(self, server, paths):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = min(limit[1], max(limit[0], len(paths) + 200))
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limit[1]))
        self.clients = [Client(server) for _ in paths]
        self.paths = paths
        self.data = [bytearray() for _ in paths]
        self.errors = {}
        # Acknowledged when the last of all has its first block.
        self.held = []

    def read(self, patience=60, together=False):
        """Reads all, and gives the numbers of those that did not come to an end.

        `together` acknowledges no block before every client has one: so all transfers run at the same time.
        """
        left = set(range(len(self.clients)))
        started = set()
        with selectors.DefaultSelector() as selector:
            for number, client in enumerate(self.clients):
                client.socket.setblocking(False)
                selector.register(client.socket, selectors.EVENT_READ, number)
            end = time.monotonic() + patience
            asked = 0.0
            while left and time.monotonic() < end:
                if time.monotonic() - asked > 2:
                    asked = time.monotonic()
                    for number in left - started:
                        self.clients[number].ask(request(RRQ, self.paths[number], "octet"))
                for key, _ in selector.select(0.1):
                    number = key.data
                    packet, self.clients[number].peer = self.clients[number].socket.recvfrom(2000)
                    started.add(number)
                    if together and len(started) < len(self.clients):
                        self.held.append((number, packet))
                        continue
                    for held in self.held:
                        self.take(*held, left)
                    self.held = []
                    self.take(number, packet, left)
        return left

    def take(self, number, packet, left):
        parsed = Packet.parse(packet)
        if parsed.kind != "DATA":
            self.errors[number] = parsed
            left.discard(number)
            return
        block, length = parsed.values
        if block == len(self.data[number]) // 512 + 1 and number in left:
            self.data[number] += packet[4:]
        self.clients[number].send(ack(block))
        if length < 512:
            left.discard(number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()


class Crowds(unittest.TestCase):
    def server(self, *arguments):
        side = Side("bootwire", "handlers.py", "JOURNAL", "ADDRESS", "PORT", "5", "2")
        self.addCleanup(side.stop)
        side.wait("ready")
        return side

    def test_a_thousand_clients(self):
        side = self.server()
        size = 20_000
        paths = [f"content/{size}/{number}" for number in range(1000)]
        with Crowd(side.server, paths) as crowd:
            self.assertEqual(crowd.read(together=True), set())
            self.assertEqual(crowd.errors, {})
            self.assertEqual(
                {hashlib.sha256(data).digest() for data in crowd.data}, {pattern_digest(size)}
            )
        notes = wait_for("a thousand callbacks", lambda: finished(side, 1000))
        self.assertEqual(len(notes), 1000)
        self.assertEqual({note["error"].get("error_code") for note in notes}, {None})
        # What was sent again counts again.
        self.assertEqual({note["bytes_sent"] for note in notes if not note["retransmits"]}, {size})
        self.assertEqual(
            {note["packets_sent"] - note["retransmits"] for note in notes}, {size // 512 + 1}
        )

    def test_exceptions_in_every_callback_harm_nobody(self):
        side = self.server()
        kinds = [
            "raise/OSError",
            "readfails/2000",
            "sizefails/700",
            "closefails/700",
            "callback/fails",
            "initfails",
        ]
        kinds += ["refused", "nobody", "none", "runfails", "stops", "content/2000"]
        paths = [f"{kind}/{number}" for number in range(20) for kind in kinds]
        with Crowd(side.server, paths) as crowd:
            silent = crowd.read(patience=8)
            whole = [
                bytes(data)
                for path, data in zip(paths, crowd.data, strict=True)
                if path.startswith("content")
            ]
            self.assertEqual(set(whole), {pattern(2000)})
        # Only who is not to be answered is not.
        self.assertEqual(
            {paths[number].split("/")[0] for number in silent} - {"refused", "nobody", "initfails"},
            set(),
        )
        with Client(side.server) as client:
            self.assertEqual(client.read("content/2000/last").data, pattern(2000))
        side.signal(signal.SIGINT)
        self.assertNotEqual(side.ended(), 0)

    def test_sleepers_delay_nobody(self):
        side = self.server()
        sleepers = [Client(side.server) for _ in range(200)]
        for number, sleeper in enumerate(sleepers):
            self.addCleanup(sleeper.close)
            sleeper.ask(request(RRQ, f"sleeper/5/{number}", "octet"))
        wait_for("the sleepers", lambda: side.journal.read_text().count('"asleep"') == 200)
        for number in range(20):
            begin = time.monotonic()
            with Client(side.server) as client:
                self.assertEqual(client.read(f"content/2000/{number}").data, pattern(2000))
            # Far below what a sleeper takes, far above what a busy machine needs.
            self.assertLess(time.monotonic() - begin, 2.5)
        for sleeper in sleepers:
            self.assertEqual(sleeper.go_on().data, b"slept")

    def test_memory_and_threads_come_to_rest(self):
        side = self.server()

        def round_of(number):
            paths = [f"content/2000/{number}/{client}" for client in range(200)]
            with Crowd(side.server, paths) as crowd:
                self.assertEqual(crowd.read(), set())
            wait_for("callbacks", lambda: finished(side, 200 * (number + 1)))

        for number in range(3):
            round_of(number)
        before = resident(side.process.pid)
        descriptors = len(os.listdir(f"/proc/{side.process.pid}/fd"))
        for number in range(3, 9):
            round_of(number)
        self.assertLess(resident(side.process.pid) - before, 8 << 20)
        self.assertLess(len(os.listdir(f"/proc/{side.process.pid}/fd")), descriptors + 10)


def pattern_digest(size):
    return hashlib.sha256(pattern(size)).digest()


def resident(process):
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS"))


def finished(side, count):
    """The values of all callbacks, once there are `count`."""
    found = [note[2] for note in side.all_notes() if note[1] == "callback"]
    return found if len(found) >= count else None
