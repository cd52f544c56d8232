"""The programs in examples/python, run as a reader would run them."""

import json
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from side_by_side.raw import RRQ, WRQ, Client, Packet, request
from side_by_side.sides import PATIENCE, free_port

EXAMPLES = Path(__file__).parents[3] / "examples/python"


def upload(server, name, data):
    """Writes a file; what the server says instead, if it does."""
    with Client(server) as client:
        client.ask(request(WRQ, name, "octet"))
        for block in range(len(data) // 512 + 2):
            packet = client.receive_bytes()
            assert packet is not None, f"no answer to block {block}"
            opcode, number = struct.unpack("!HH", packet[:4])
            if opcode != 4:
                return Packet.parse(packet)
            assert number == block
            if block > len(data) // 512:
                return None
            client.send(struct.pack("!HH", 3, block + 1) + data[block * 512 : (block + 1) * 512])


class Examples(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="examples-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def run_example(self, name, *words, probe, port=None):
        """Starts a program and waits until it answers; it must end well when it is told to."""
        self.port = port or free_port("127.0.0.1")
        listen = [] if port else ["--listen", f"127.0.0.1:{self.port}"]
        log = (self.directory / "log").open("w+b")
        self.addCleanup(log.close)
        program = subprocess.Popen(
            [sys.executable, str(EXAMPLES / name), *words, *listen],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

        def end():
            program.send_signal(signal.SIGTERM)
            try:
                code = program.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
                raise
            self.assertEqual(code, 0, (self.directory / "log").read_text())

        self.addCleanup(end)
        limit = time.monotonic() + PATIENCE
        while True:
            with Client(("127.0.0.1", self.port)) as client:
                client.ask(request(RRQ, probe, "octet"))
                try:
                    if client.receive(0.5):
                        return
                except ConnectionError:
                    pass
            self.assertIsNone(program.poll(), (self.directory / "log").read_text())
            self.assertLess(time.monotonic(), limit, (self.directory / "log").read_text())

    def read(self, name):
        with Client(("127.0.0.1", self.port)) as client:
            return client.read(name)

    def refused(self, name):
        transfer = self.read(name)
        self.assertEqual(transfer.packets[0].kind, "ERROR", transfer)
        return transfer.packets[0].values[0]

    def test_static_server(self):
        (self.directory / "root/boot").mkdir(parents=True)
        (self.directory / "root/boot/vmlinuz").write_bytes(bytes(range(256)) * 100)
        (self.directory / "secret").write_bytes(b"secret")
        self.run_example("static_server.py", str(self.directory / "root"), probe="none")
        self.assertEqual(self.read("boot/vmlinuz").data, bytes(range(256)) * 100)
        self.assertEqual(self.refused("none"), 1)
        self.assertIn(self.refused("../secret"), (1, 2))

    def test_grub_configs(self):
        machines = self.directory / "machines.json"
        machine = {"hostname": "web1", "image": "debian-12"}
        machines.write_text(json.dumps({"52:54:00:12:34:56": machine}))
        self.run_example("grub_configs.py", str(machines), probe="none")
        config = self.read("/grub/grub.cfg-01-52-54-00-12-34-56").data
        self.assertIn(b"linux /images/debian-12/vmlinuz hostname=web1", config)
        self.assertEqual(self.read("/grub/grub.cfg-01-52-54-00-00-00-00").data, b"exit\n")
        self.assertEqual(self.read("/hostname/525400123456").data, b"web1\n")
        self.assertEqual(self.refused("/hostname/525400000000"), 1)
        machines.write_text(json.dumps({"52:54:00:00:00:00": machine | {"hostname": "web2"}}))
        self.assertEqual(self.read("/hostname/525400000000").data, b"web2\n")

    def test_switch_backups(self):
        self.run_example("switch_backups.py", str(self.directory / "backups"), probe="none")
        server = ("127.0.0.1", self.port)
        self.assertEqual(self.refused("latest"), 1)
        for version in range(2):
            config = f"hostname sw1\n! version {version}\n".encode() * 100
            self.assertIsNone(upload(server, "running-config", config))
            self.assertEqual(self.read("latest").data, config)
        self.assertEqual(upload(server, "running-config", b"\x7fELF").values[0], 2)
        self.assertIsNone(upload(server, "core/main", b"core" * 512))
        self.assertEqual(
            (self.directory / "backups/127.0.0.1/core-main").read_bytes(), b"core" * 512
        )
        self.assertEqual(len(list((self.directory / "backups/127.0.0.1").iterdir())), 3)

    def test_configured(self):
        port = free_port("127.0.0.1")
        text = (EXAMPLES / "configured.toml").read_text()
        self.assertIn("[::]:6969", text)
        text = text.replace("[::]:6969", f"127.0.0.1:{port}")
        configuration = self.directory / "bootwire.toml"
        configuration.write_text(text.replace("../tftproot", str(EXAMPLES.parent / "tftproot")))
        self.run_example("configured.py", str(configuration), probe="none", port=port)
        self.assertEqual(self.read("/motd").data, b"Welcome\n")
        hello = (EXAMPLES.parent / "tftproot/hello.txt").read_bytes()
        self.assertEqual(self.read("hello.txt").data, hello)
        self.assertTrue(self.read("/status/sw1").data.startswith(b"sw1 asks from 127.0.0.1 at "))


if __name__ == "__main__":
    unittest.main()
