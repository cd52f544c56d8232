"""A server's life: lifecycle.py JOURNAL ADDRESS PORT HOW

HOW is what the program does around `run()`: see the functions below.
"""

import contextlib
import io
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time

from journal import _file as journal_file
from journal import note, note_stats

import fbtftp
from fbtftp import BaseHandler, BaseServer, ResponseData
from fbtftp.base_handler import StringResponseData


class Handler(BaseHandler):
    def get_response_data(self):
        return StringResponseData("it is " + self._path)


class Server(BaseServer):
    def get_handler(self, server_addr, peer, path, options):
        if path == "close":
            self.close()
        if path == "slow":
            time.sleep(0.2)
        return Handler(server_addr, peer, path, options, note_stats)


def after_run(server):
    """Runs, and notes how that ends."""
    try:
        server.run()
    except BaseException as error:
        note("", "run raises", type(error).__name__)
    else:
        note("", "run returns")
    note(
        "", "threads", sorted(thread.name for thread in threading.enumerate() if not thread.daemon)
    )


def plain(address, port):
    server = Server(address, port, 1, 1)
    note("", "ready")
    after_run(server)


def terminated(address, port):
    """As programs do that want their `finally` to run at SIGTERM."""

    def leave(number, frame):
        raise SystemExit(f"signal {number}")

    signal.signal(signal.SIGTERM, leave)
    plain(address, port)


def closed(address, port):
    """A signal handler that closes the server."""
    server = Server(address, port, 1, 1)
    signal.signal(signal.SIGTERM, lambda number, frame: server.close())
    note("", "ready")
    after_run(server)


def noticed(address, port):
    """A signal handler that only takes note."""
    signal.signal(signal.SIGUSR1, lambda number, frame: note("", "signal"))
    plain(address, port)


def metrics(address, port):
    """Statistics every second."""

    def callback(stats):
        counters = stats.get_and_reset_all_counters()
        note("", "metrics", stats.server_addr, stats.interval, counters, stats.duration() > 0)
        if os.environ.get("METRICS") == "fail":
            raise RuntimeError("the callback fails")

    def leave(number, frame):
        raise SystemExit

    signal.signal(signal.SIGTERM, leave)
    server = Server(address, port, 1, 1, callback, stats_interval_seconds=1)
    note("", "ready")
    try:
        server.run()
    except SystemExit:
        server._metrics_timer.cancel()
        note("", "run raises", "SystemExit")


def once(address, port):
    """One turn of the loop, then another by hand."""
    server = Server(address, port, 1, 1)
    note("", "ready")
    server.run(run_once=True)
    note("", "run returns")
    time.sleep(1)


def twice(address, port):
    """Two servers in one program, each on a thread of its own."""
    servers = [Server(address, port, 1, 1), Server("127.0.0.2", port, 1, 1)]
    threads = [threading.Thread(target=server.run, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    note("", "ready")
    for thread in threads:
        thread.join()


def child(address, port):
    """In a process of `multiprocessing`, which is killed then."""

    def serve():
        server = Server(address, port, 1, 1)
        note("", "ready")
        server.run()

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    process = multiprocessing.get_context("fork").Process(target=serve)
    process.start()
    signal.sigwait({signal.SIGUSR1})
    process.kill()
    process.join()
    note("", "killed", process.exitcode)


def daemon(address, port):
    """Goes to the background before it makes the server, and closes all descriptors on the way."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for descriptor in range(256):
        if descriptor != journal_file:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    note("", "daemon", os.getpid())
    terminated(address, port)


def forked(address, port):
    """Imports and makes the server in a parent, serves in its child."""
    server = Server(address, port, 1, 1)
    if os.fork() == 0:
        note("", "ready")
        server.run()
    os.wait()


def imported(address, port):
    """Importing starts no thread and opens no descriptor."""
    note("", "threads", threading.active_count(), len(os.listdir("/proc/self/task")))
    note(
        "",
        "descriptors",
        sorted(int(name) for name in os.listdir("/proc/self/fd"))[3:-1] == [journal_file],
    )
    wanted = {"BaseHandler", "BaseServer", "ResponseData", "SessionStats"}
    note("", "names", sorted(wanted.intersection(fbtftp.__all__)))


def busy(address, port):
    """The port is taken."""
    first = Server(address, port, 1, 1)
    try:
        Server(address, port, 1, 1)
    except OSError as error:
        note("", "busy", error.errno)
    first.close()


def nowhere(address, port):
    """No address."""
    for wrong in ("localhost", "", "1.2.3"):
        try:
            Server(wrong, port, 1, 1)
        except ValueError as error:
            note("", "refused", wrong, str(error))


def attributes(address, port):
    """What programs look at."""
    server = Server(address, port, 7, 3, None, 11)
    note(
        "",
        "attributes",
        server._address == address,
        server._port == port,
        server._retries,
        server._timeout,
    )
    note(
        "", "attributes", server._should_stop, server._metrics_timer, server._server_stats.interval
    )
    note(
        "",
        "attributes",
        server._server_stats.server_addr == address,
        server._server_stats.get_all_counters(),
    )
    stats = server._server_stats
    stats.increment_counter("a")
    stats.increment_counter("a", 2)
    stats.set_counter("b", 7)
    note(
        "", "counters", stats.get_counter("a"), stats.get_counter("none"), stats.get_all_counters()
    )
    note("", "counters", stats.get_and_reset_counter("a"), stats.get_counter("a"))
    stats.reset_counter("b")
    note("", "counters", stats.get_and_reset_all_counters(), stats.get_all_counters())
    stats.set_counter("c", 1)
    stats.reset_all_counters()
    note("", "counters", stats.get_all_counters())
    try:
        BaseServer.get_handler(server, (address, port), ("127.0.0.1", 1), "x", {})
    except NotImplementedError:
        note("", "abstract")


def classes(address, port):
    """Names, and what the base classes do."""
    from fbtftp import base_handler, base_server, constants, netascii

    for module, names in (
        (fbtftp, "BaseHandler BaseServer ResponseData SessionStats"),
        (base_handler, "BaseHandler ResponseData SessionStats StringResponseData"),
        (base_server, "BaseServer ServerStats"),
        (netascii, "NetasciiReader"),
    ):
        note("", "names", [hasattr(module, name) for name in names.split()])
    values = {name: value for name, value in vars(constants).items() if name.isupper()}
    note("", "constants", values)
    for method, arguments in (("read", (1,)), ("size", ()), ("close", ())):
        try:
            getattr(ResponseData(), method)(*arguments)
        except NotImplementedError:
            note("", "abstract", method)
    content = StringResponseData("gr\xfc\xdfe")
    note(
        "",
        "string",
        content.size(),
        list(content.read(3)),
        list(content.read(100)),
        list(content.read(1)),
    )
    note("", "string", content.close())
    for size in (True, False):
        reader = netascii.NetasciiReader(Bytes(b"a\nb\r\nc\r" * 300))
        note("", "netascii", reader.size() if size else None)
        read = []
        while piece := reader.read(100):
            read.append(bytes(piece).decode())
        note("", "netascii", read, reader.close())
    try:
        StringResponseData("\u20ac")
    except UnicodeEncodeError as error:
        note("", "string", type(error).__name__)


class Bytes(ResponseData):
    def __init__(self, data):
        self._reader = io.BytesIO(data)

    def read(self, n):
        return self._reader.read(n)

    def size(self):
        return len(self._reader.getvalue())

    def close(self):
        note("", "closed")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    _, _, address, port, how = sys.argv
    globals()[how](address, int(port))
