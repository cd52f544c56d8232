"""Programs that others published, unmodified."""

import http.server
import importlib.util
import json
import tempfile
import threading
import unittest
import xmlrpc.client
import xmlrpc.server
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from .compare import brief
from .raw import Client
from .sides import FBTFTP_PYTHON, Side, wait_for

# What `arp -a` would say of a client that is not on loopback.
ARP = "#!/bin/sh\necho '? (127.0.0.1) at 52:54:00:12:34:56 [ether] on eth0'\n"


class PxePilot(http.server.BaseHTTPRequestHandler):
    """The two calls of PXE Pilot's API that tftp-pilot makes."""

    ANSWERS: ClassVar = {
        "/v1/hosts?status=false": [
            {
                "macAddresses": ["52:54:00:12:34:56"],
                "configuration": {"name": "debian", "bootloader": {"file": "loaders/debian.efi"}},
            }
        ],
        "/v1/bootloaders": [{"config_path": "grub/grub.cfg"}],
    }

    def do_GET(self):
        body = json.dumps(self.ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def in_background(test, server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    test.addCleanup(thread.join)
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return server.server_address[1]


class Published(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.assertTrue(FBTFTP_PYTHON.exists(), "run ./test --python, which fetches fbtftp")
        directory = tempfile.TemporaryDirectory(prefix="published-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def write(self, name, data):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def same(self, scenario, *program, **how):
        def run(name):
            with Side(name, *program, **how) as side:
                try:
                    return scenario(side)
                except AssertionError as error:
                    raise AssertionError(
                        f"{name}: {error}\n{side.log.read_text()[-4000:]}"
                    ) from None

        with ThreadPoolExecutor(2) as pool:
            theirs, ours = pool.map(run, ("fbtftp", "bootwire"))
        self.assertEqual(theirs, ours, "fbtftp's (-) and Bootwire's (+)")
        return ours

    def read(self, side, *words, patience=20):
        with Client(side.server) as client:
            transfer = client.read(*words, patience=patience)
            return transfer.packets[0], len(transfer.packets), brief(transfer.data)

    def serving(self, side, name):
        def answered():
            with Client(side.server) as client:
                return client.read(name, patience=0.5).packets

        wait_for("an answer", answered)


class TftpPilot(Published):
    """tftp-pilot 0.2.0, a client of PXE Pilot: its API and `arp` are ours."""

    # With the log of the root, in which it writes what it knows of each transfer.
    OPTIONS = (
        "--bind",
        "ADDRESS",
        "--port",
        "PORT",
        "--log",
        "DEBUG",
        "--timeout",
        "1",
        "--retries",
        "1",
    )

    def pilot(self, module):
        self.write("bin/arp", ARP.encode()).chmod(0o755)
        root = self.directory / "root"
        self.write("root/loaders/debian.efi", b"MZ debian" * 2000)
        self.write("root/boot.efi", b"MZ default" * 2000)
        self.write("root/pxelinux.cfg/01-52-54-00-12-34-56", b"set timeout=5\n" * 80)
        self.write("root/images/vmlinuz", bytes(range(256)) * 2000)
        api = in_background(self, http.server.ThreadingHTTPServer(("127.0.0.1", 0), PxePilot))

        def scenario(side):
            self.serving(side, "images/vmlinuz")
            return [
                self.read(side, "boot.efi", "octet", "tsize", "0", "blksize", "1468"),
                self.read(side, "/boot.efi"),
                self.read(side, "grub/grub.cfg"),
                self.read(side, "grub/grub.cfg", "netascii"),
                self.read(side, "images/vmlinuz", "octet", "blksize", "1408", "tsize", "0"),
                # FileNotFoundError: the text is another, the code is not.
                self.read(side, "images/none")[0].values[0],
            ]

        path = f"{self.directory / 'bin'}:/usr/bin:/bin"
        words = ("--root", str(root), "--pxe-pilot-url", f"http://127.0.0.1:{api}")
        seen = self.same(
            scenario,
            f"-m {module}",
            *self.OPTIONS,
            *words,
            variables={"PATH": path, "no_proxy": "*"},
        )
        self.assertEqual(seen[4][2], brief(bytes(range(256)) * 2000))
        return seen

    def test_tftp(self):
        seen = self.pilot("tftppilot.tftp")
        self.assertEqual(seen[0][2], brief(b"MZ default" * 2000))

    def test_server(self):
        seen = self.pilot("tftppilot.server")
        self.assertEqual(seen[0][2], brief(b"MZ debian" * 2000))
        self.assertEqual(seen[2][2], brief(b"set timeout=5\n" * 80))


class Cobbler(Published):
    """cobbler-tftp, where it is installed: no registry has it. Cobbler's API is ours."""

    FILES: ClassVar = {
        "/grub/grub.cfg": b"menuentry\n" * 3000,
        "/loader.efi": bytes(range(256)) * 300,
    }

    def test_serves(self):
        if importlib.util.find_spec("cobbler_tftp") is None:
            self.skipTest(
                "cobbler-tftp is not installed here: pip install its checkout into both environments"
            )

        def get_tftp_file(path, offset, size, token):
            data = self.FILES["/" + path.strip("/")]
            self.assertEqual(token, "token")
            return xmlrpc.client.Binary(data[offset : offset + size]), len(data)

        api = xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, allow_none=True)
        api.register_function(get_tftp_file)
        api.register_function(lambda user, password: "token", "login")
        api.register_function(lambda token: True, "logout")
        port = in_background(self, api)
        self.write("static/fallback", b"from a file" * 100)

        def scenario(side):
            self.serving(side, "/loader.efi")
            seen = [
                self.read(side, "/grub/grub.cfg", "octet", "tsize", "0", "blksize", "1468"),
                self.read(side, "loader.efi"),
                self.read(side, "fallback"),
                self.read(side, "none")[0].values[0],
            ]
            side.signal(15)
            return seen, side.ended()

        arguments = ("ADDRESS", "PORT", f"http://127.0.0.1:{port}", str(self.directory / "static"))
        (seen, _) = self.same(scenario, "cobbler.py", *arguments)
        self.assertEqual(seen[0][2], brief(self.FILES["/grub/grub.cfg"]))
        self.assertEqual(seen[2][2], brief(b"from a file" * 100))
