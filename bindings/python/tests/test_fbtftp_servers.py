"""The life of a server of `bootwire.fbtftp`: run, close, signals, processes, addresses."""

import multiprocessing
import os
import pathlib
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import unittest

import bootwire
from bootwire.fbtftp import BaseServer, ServerStats, StringResponseData
from fbtftp_harness import PATIENCE, Case, Client, Content, Handler, Journal, get, running

PACKAGE = str(pathlib.Path(bootwire.__path__[0]).parent)

PROGRAM = """
import os, signal, sys, threading, time
from bootwire.fbtftp import BaseHandler, BaseServer, StringResponseData

class Handler(BaseHandler):
    def get_response_data(self):
        return StringResponseData("served")

class Server(BaseServer):
    def get_handler(self, server_addr, peer, path, options):
        return Handler(server_addr, peer, path, options, None)
"""


def serve_in_a_process(told):
    class Server(BaseServer):
        def get_handler(self, server_addr, peer, path, options):
            handler = type("H", (Handler,), {"content": lambda _: StringResponseData("served")})
            return handler(server_addr, peer, path, options, None)

    server = Server("127.0.0.1", 0, 3, 2)
    told.send(server._listener.getsockname())
    server.run()


class Running(Case):
    def server(self, content=lambda _: Content(b"abc"), **named):
        handler, callback = self.handler_class(content), self.callback

        class Server(BaseServer):
            def get_handler(self, server_addr, peer, path, options):
                return handler(server_addr, peer, path, options, callback)

        named.setdefault("server_stats_callback", None)
        return Server("127.0.0.1", 0, 3, 2, **named)

    def test_attributes_are_those_of_fbtftp(self):
        server = self.server(stats_interval_seconds=5)
        self.addCleanup(server._listener.close)
        self.assertEqual((server._address, server._port), ("127.0.0.1", 0))
        self.assertEqual((server._retries, server._timeout), (3, 2))
        self.assertIsInstance(server._listener, socket.socket)
        self.assertIsInstance(server._server_stats, ServerStats)
        self.assertEqual(server._server_stats.interval, 5)
        self.assertIs(server._should_stop, False)
        self.assertIsNone(server._metrics_timer)

    def test_close_ends_run_and_frees_the_port(self):
        server = self.server()
        address = self.address(server)
        with running(server):
            self.assertEqual(get(address, "x").data, b"abc")
        self.assertEqual(server._listener.fileno(), -1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(address)

    def test_close_before_run(self):
        server = self.server()
        server.close()
        server.run()
        self.assertEqual(server._listener.fileno(), -1)

    def test_should_stop_ends_run(self):
        server = self.server()
        thread = threading.Thread(target=server.run)
        thread.start()
        self.assertEqual(get(self.address(server), "x").data, b"abc")
        server._should_stop = True
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())

    def test_run_once_serves_one_request(self):
        server = self.server()
        thread = threading.Thread(target=server.run, kwargs={"run_once": True})
        thread.start()
        time.sleep(1)
        self.assertTrue(thread.is_alive(), "it waits for a request")
        self.assertEqual(get(self.address(server), "x").data, b"abc")
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())
        self.assertEqual(server._server_stats.get_counter("process_count"), 1)

    def test_what_runs_may_end_after_close(self):
        server = self.server(lambda _: Content(b"x" * 1500))
        with (
            Client(self.address(server)) as client,
            running(server),
        ):
            client.ask("x")
            self.assertEqual(client.hear()[0], 3)
            server.close()
            client.acknowledge(1)
            self.assertEqual(client.hear()[:2], (3, 2))
            client.acknowledge(2)
            self.assertEqual(client.hear()[:2], (3, 3))
            client.acknowledge(3)
        self.assertEqual(self.stats().error, {})

    def test_what_is_cut_off_is_closed_and_told(self):
        closed = Journal()
        server = self.server(lambda _: Content(b"x" * 1500, closed))
        type(server).bootwire_drain_seconds = 0.1
        with Client(self.address(server)) as client:
            with running(server):
                client.ask("x")
                self.assertEqual(client.hear()[0], 3)
            closed.wait_for(lambda entries: entries[-1] == "close")
            self.assertNotEqual(self.stats().error, {})

    def test_a_timer_calls_back_until_close(self):
        called = Journal()

        def callback(stats):
            called.note(stats)
            raise ValueError("it goes on")

        import logging

        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        server = self.server(server_stats_callback=callback, stats_interval_seconds=0.02)
        with running(server):
            called.wait_for_count(3)
        server._metrics_timer.join(PATIENCE)
        count = len(called.entries)
        time.sleep(0.2)
        self.assertEqual(len(called.entries), count)

    def test_counters(self):
        stats = ServerStats("::1", 7)
        stats.increment_counter("a")
        stats.increment_counter("a", 4)
        stats.set_counter("b", 9)
        self.assertEqual(stats.get_all_counters(), {"a": 5, "b": 9})
        self.assertEqual(stats.get_and_reset_counter("a"), 5)
        self.assertEqual(stats.get_counter("a"), 0)
        stats.reset_counter("b")
        self.assertEqual(stats.get_and_reset_all_counters(), {"a": 0, "b": 0})
        stats.increment_counter("c", -1)
        stats.reset_all_counters()
        self.assertEqual(stats.get_all_counters(), {})
        self.assertEqual((stats.server_addr, stats.interval), ("::1", 7))

    def test_a_port_that_is_taken_is_an_oserror(self):
        server = self.server()
        self.addCleanup(server._listener.close)
        with self.assertRaises(OSError):
            BaseServer("127.0.0.1", self.address(server)[1], 3, 2)
        with self.assertRaises(ValueError):
            BaseServer("localhost", 0, 3, 2)


class Addresses(Case):
    def peer_seen(self, address, ask):
        seen = Journal()

        def content(handler):
            seen.note((handler._server_addr, handler._peer, handler._family))
            return Content(b"abc")

        with self.serving(self.handler_class(content), address=address) as server:
            self.assertEqual(get((ask, self.address(server)[1]), "x").data, b"abc")
            stats = self.stats()
        (server_addr, peer, family) = seen.entries[0]
        self.assertEqual(server_addr, (address, 0))
        self.assertEqual(stats.peer, peer)
        return peer, family

    def test_ipv4(self):
        for address in ("127.0.0.1", "0.0.0.0"):
            self.setUp()
            peer, family = self.peer_seen(address, "127.0.0.1")
            self.assertEqual((len(peer), peer[0], family), (2, "127.0.0.1", socket.AF_INET))

    def test_ipv6(self):
        for address in ("::1", "::"):
            self.setUp()
            peer, family = self.peer_seen(address, "::1")
            self.assertEqual((len(peer), peer[0], family), (4, "::1", socket.AF_INET6))
            self.assertEqual(peer[2:], (0, 0))

    def test_ipv4_on_an_ipv6_socket(self):
        peer, family = self.peer_seen("::", "127.0.0.1")
        self.assertEqual((peer[0], peer[2:]), ("::ffff:127.0.0.1", (0, 0)))
        self.assertEqual(family, socket.AF_INET6)


class Processes(unittest.TestCase):
    def start(self, program, **named):
        source = textwrap.dedent(PROGRAM) + textwrap.dedent(program)
        environment = os.environ | {"PYTHONPATH": PACKAGE}
        process = subprocess.Popen(
            [sys.executable, "-c", source],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            **named,
        )

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def served(self, port):
        got = get(("127.0.0.1", port), "x")
        self.assertEqual(got.data, b"served", got)

    def test_an_exception_of_a_signal_handler_leaves_run(self):
        process = self.start(
            """
            server = Server("127.0.0.1", 0, 3, 2, lambda stats: None)
            def terminate(*_):
                raise SystemExit(7)
            signal.signal(signal.SIGTERM, terminate)
            print(server._listener.getsockname()[1], flush=True)
            try:
                server.run()
            finally:
                server._metrics_timer.cancel()
                print("left", flush=True)
            """
        )
        self.served(int(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((out, process.returncode, err), ("left\n", 7, ""))

    def test_ctrl_c_leaves_run(self):
        process = self.start(
            """
            server = Server("127.0.0.1", 0, 3, 2)
            print(server._listener.getsockname()[1], flush=True)
            try:
                server.run()
            except KeyboardInterrupt:
                print("interrupted")
            """
        )
        self.served(int(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((out, process.returncode, err), ("interrupted\n", 0, ""))

    def test_a_signal_handler_may_call_close(self):
        process = self.start(
            """
            server = Server("127.0.0.1", 0, 3, 2)
            signal.signal(signal.SIGTERM, lambda *_: server.close())
            print(server._listener.getsockname()[1], flush=True)
            server.run()
            print("returned", flush=True)
            """
        )
        self.served(int(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((out, process.returncode, err), ("returned\n", 0, ""))

    def test_importing_starts_no_thread_and_opens_nothing(self):
        process = self.start(
            """
            def descriptors():
                return sorted(os.listdir("/proc/self/fd"))
            before = descriptors()
            import bootwire.fbtftp.base_server, bootwire.fbtftp.netascii
            print(before == descriptors(), len(os.listdir("/proc/self/task")))
            """
        )
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((out, err), ("True 1\n", ""))

    def test_a_daemon_without_descriptors(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as told:
            told.bind(("127.0.0.1", 0))
            told.settimeout(PATIENCE)
            process = self.start(
                f"""
                import socket
                if os.fork():
                    os._exit(0)
                os.setsid()
                if os.fork():
                    os._exit(0)
                os.closerange(0, 1024)
                server = Server("127.0.0.1", 0, 3, 2)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tell:
                    port = server._listener.getsockname()[1]
                    message = f"{{port}} {{os.getpid()}} {{server._listener.fileno()}}"
                    tell.sendto(message.encode(), {told.getsockname()!r})
                server.run()
                """
            )
            process.wait(PATIENCE)
            port, pid, descriptor = map(int, told.recv(100).split())
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.assertEqual(descriptor, 0)
        self.served(port)
        self.served(port)

    def test_a_server_made_before_a_fork(self):
        process = self.start(
            """
            server = Server("127.0.0.1", 0, 3, 2)
            if os.fork():
                os.wait()
                sys.exit()
            threading.Timer(20, os._exit, [1]).start()
            print(server._listener.getsockname()[1], flush=True)
            signal.signal(signal.SIGTERM, lambda *_: server.close())
            print(os.getpid(), flush=True)
            server.run()
            os._exit(0)
            """
        )
        port, pid = (int(process.stdout.readline()) for _ in range(2))
        self.served(port)
        os.kill(pid, signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0)

    def test_a_server_in_a_process_that_is_killed(self):
        for method in ("fork", "spawn"):
            with self.subTest(method=method):
                context = multiprocessing.get_context(method)
                ours, theirs = context.Pipe()
                process = context.Process(target=serve_in_a_process, args=(theirs,))
                process.start()
                self.assertTrue(ours.poll(PATIENCE))
                address = ours.recv()
                self.assertEqual(get(address, "x").data, b"served")
                process.kill()
                process.join(PATIENCE)
                self.assertEqual(process.exitcode, -signal.SIGKILL)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
                    again.bind(address)


if __name__ == "__main__":
    unittest.main()
