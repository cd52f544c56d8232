"""The distribution `bootwire-fbtftp`: the package `fbtftp` is `bootwire.fbtftp` by another name."""

import importlib
import inspect
import pathlib
import sys
import unittest
import unittest.mock

import bootwire.fbtftp

HERE = pathlib.Path(__file__).parents[2] / "fbtftp"

# What programs import of fbtftp 0.5, and how its constructors and methods are called.
SIGNATURES = {
    "base_handler": {
        "BaseHandler": "server_addr, peer, path, options, stats_callback",
        "BaseHandler._close": "self, test",
        "BaseHandler._get_listener": "self",
        "BaseHandler._handle_ack": "self, block_number",
        "BaseHandler._handle_timeout": "self",
        "BaseHandler._next_block": "self",
        "BaseHandler._on_close": "self",
        "BaseHandler._parse_options": "self",
        "BaseHandler._reset_timeout": "self",
        "BaseHandler._transmit_data": "self",
        "BaseHandler._transmit_error": "self",
        "BaseHandler._transmit_oack": "self",
        "BaseHandler.get_response_data": "self",
        "BaseHandler.on_new_data": "self",
        "BaseHandler.run": "self",
        "BaseHandler.run_once": "self",
        "BaseHandler.start": "self",
        "ResponseData": "",
        "ResponseData.read": "self, n",
        "ResponseData.size": "self",
        "ResponseData.close": "self",
        "SessionStats": "server_addr, peer, file_path",
        "SessionStats.duration": "self",
        "StringResponseData": "string",
    },
    "base_server": {
        "BaseServer": "address, port, retries, timeout, server_stats_callback, "
        "stats_interval_seconds",
        "BaseServer.close": "self",
        "BaseServer.get_handler": "self, server_addr, peer, path, options",
        "BaseServer.restart_stats_timer": "self, run_once",
        "BaseServer.run": "self, run_once",
        "BaseServer.run_once": "self",
        "ServerStats": "server_addr, interval",
        "ServerStats.duration": "self",
        "ServerStats.get_all_counters": "self",
        "ServerStats.get_and_reset_all_counters": "self",
        "ServerStats.get_and_reset_counter": "self, name",
        "ServerStats.get_counter": "self, name",
        "ServerStats.increment_counter": "self, name, increment",
        "ServerStats.reset_all_counters": "self",
        "ServerStats.reset_counter": "self, name",
        "ServerStats.set_counter": "self, name, value",
    },
    "netascii": {
        "NetasciiReader": "reader",
        "NetasciiReader.read": "self, size",
        "NetasciiReader.size": "self",
        "NetasciiReader.close": "self",
    },
}

# What fbtftp's objects have besides: those of `multiprocessing.Process` are a handler's, too.
ATTRIBUTES = {
    "base_handler": {
        *("_timeout", "_server_addr", "_retries", "_block_size", "_last_block_sent"),
        *("_retransmits", "_global_retransmits", "_current_block", "_should_stop", "_tsize"),
        *("_waiting_last_ack", "_path", "_options", "_stats_callback", "_response_data"),
        *("_listener", "_peer", "_family", "_stats", "_expire_ts"),
        *("name", "daemon", "pid", "is_alive", "terminate", "kill", "join"),
    },
    "base_server": {
        *("_address", "_port", "_retries", "_timeout", "_server_stats_callback", "_family"),
        *("_listener", "_should_stop", "_server_stats", "_metrics_timer"),
        "_metrics_callback_wrapper",
    },
}


class Names(unittest.TestCase):
    def setUp(self):
        if HERE.is_dir():
            path = unittest.mock.patch.object(sys, "path", [str(HERE), *sys.path])
            path.start()
            self.addCleanup(path.stop)
        self.package = importlib.import_module("fbtftp")

    def test_modules_are_the_same(self):
        for name in ("base_handler", "base_server", "constants", "netascii"):
            with self.subTest(name=name):
                ours = importlib.import_module(f"bootwire.fbtftp.{name}")
                self.assertIs(importlib.import_module(f"fbtftp.{name}"), ours)
                self.assertIs(getattr(self.package, name), ours)

    def test_what_is_patched_in_one_is_patched_in_the_other(self):
        with unittest.mock.patch("fbtftp.base_handler.log") as log:
            self.assertIs(bootwire.fbtftp.base_handler.log, log)

    def test_the_package_has_what_programs_import(self):
        for name in ("BaseHandler", "BaseServer", "ResponseData", "SessionStats"):
            self.assertIs(getattr(self.package, name), getattr(bootwire.fbtftp, name))
            self.assertIn(name, self.package.__all__)

    def test_signatures(self):
        for module, expected in SIGNATURES.items():
            found = importlib.import_module(f"fbtftp.{module}")
            for name, parameters in expected.items():
                with self.subTest(module=module, name=name):
                    what = found
                    for part in name.split("."):
                        what = getattr(what, part)
                    self.assertEqual(", ".join(inspect.signature(what).parameters), parameters)

    def test_no_other_names_are_taken_from_subclasses(self):
        server = self.package.BaseServer("127.0.0.1", 0, 3, 2)
        self.addCleanup(server._listener.close)
        options = {"default_timeout": 2, "retries": 3}
        kind = type("Handler", (self.package.BaseHandler,), {"get_response_data": lambda _: None})
        handler = kind(("127.0.0.1", 69), ("127.0.0.1", 7), "x", options, None)
        for made in (server, handler):
            base = type(made).__mro__[-2]
            names = {*vars(base), *vars(made)}
            module = base.__module__.rpartition(".")[2]
            known = {name.partition(".")[2] for name in SIGNATURES[module]} | ATTRIBUTES[module]
            ours = [name for name in names - known if "bootwire_" not in name]
            self.assertEqual(
                [name for name in ours if not name.startswith("__")],
                ["_bootwire"] * (made is handler),
            )

    def test_constants(self):
        expected = {
            "OPCODE_RRQ": 1,
            "OPCODE_WRQ": 2,
            "OPCODE_DATA": 3,
            "OPCODE_ACK": 4,
            "OPCODE_ERROR": 5,
            "OPCODE_OACK": 6,
            "MODE_NETASCII": "netascii",
            "MODE_BINARY": "octet",
            "ERR_UNDEFINED": 0,
            "ERR_FILE_NOT_FOUND": 1,
            "ERR_ACCESS_VIOLATION": 2,
            "ERR_DISK_FULL": 3,
            "ERR_ILLEGAL_OPERATION": 4,
            "ERR_UNKNOWN_TRANSFER_ID": 5,
            "ERR_FILE_EXISTS": 6,
            "ERR_NO_SUCH_USER": 7,
            "ERR_INVALID_OPTIONS": 8,
            "MAX_BLOCK_NUMBER": 65535,
            "DEFAULT_BLKSIZE": 512,
            "DATAPOINTS_INTERVAL_SECONDS": 60,
        }
        for name, value in expected.items():
            self.assertEqual(getattr(self.package.constants, name), value, name)


if __name__ == "__main__":
    unittest.main()
