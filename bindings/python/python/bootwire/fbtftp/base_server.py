"""The server: takes requests, and asks for a handler for each."""

import ipaddress
import logging
import queue
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from . import _conversation, _engine, _granting, _wording, constants
from ._server_stats import ServerStats
from ._session_stats import Peer
from .base_handler import BaseHandler

__all__ = ["BaseServer", "ServerStats"]

log = logging.getLogger(__name__)

#: Gets a server's statistics, again and again.
ServerStatsCallback = Callable[[ServerStats], object]

# What a server waits for is looked at so often, in seconds: for programs that set `_should_stop`.
_LOOK = 0.5


class BaseServer:
    """A TFTP server: inherit from it, and make a handler for each request in `get_handler()`.

    The port is bound here; threads are started by `run()`.

    Args:
        address: the address to bind, IPv4 or IPv6. `::` takes both.
        port: the port to bind; 0 for any.
        retries: with `timeout`, how long a silent client is waited for: `timeout * (retries + 2)`.
        timeout: see `retries`. In seconds. When to send again is the engine's decision.
        server_stats_callback: gets the `ServerStats` every `stats_interval_seconds`, or None.
        stats_interval_seconds: in seconds.
    """

    #: Settings of the engine, by the names of `bootwire.Server`: set them in your class.
    bootwire_settings: ClassVar[Mapping[str, Any]] = {}

    #: Seconds that transfers may go on after `close()`.
    bootwire_drain_seconds: ClassVar[float] = 5.0

    def __init__(
        self,
        address: str,
        port: int,
        retries: int,
        timeout: int,
        server_stats_callback: ServerStatsCallback | None = None,
        stats_interval_seconds: float = constants.DATAPOINTS_INTERVAL_SECONDS,
    ) -> None:
        self._address = address
        self._port = port
        self._retries = retries
        self._timeout = timeout
        self._server_stats_callback = server_stats_callback
        self._family = socket.AF_INET6
        if isinstance(ipaddress.ip_address(self._address), ipaddress.IPv4Address):
            self._family = socket.AF_INET
        self._listener = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            self._listener.setblocking(False)
            self._listener.bind((address, port))
        except BaseException:
            self._listener.close()
            raise
        self._should_stop = False
        self._server_stats = ServerStats(address, stats_interval_seconds)
        self._metrics_timer: threading.Timer | None = None
        self._bootwire_serving: _engine.Serving | None = None
        # Something for `run_once` to wake up for. A queue, since signal handlers may put.
        self._bootwire_wakeups: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._bootwire_tells_requests = False

    def get_handler(
        self, server_addr: Peer, peer: Peer, path: str, options: dict[str, Any]
    ) -> BaseHandler | None:
        """The handler for a request. Must be overridden. None: the client gets no answer.

        Called by threads of the engine's pool, for several requests at the same time.

        Args:
            server_addr: address and port of the server, as it was told to bind them.
            peer: address and port of the client; of IPv6, and on `::` always, four values.
            path: what the client asks for, as it was sent.
            options: its options as text, by their names in lower case, and its `mode`; before
                them the server's `default_timeout` and `retries`.
        """
        raise NotImplementedError

    def run(self, run_once: bool = False) -> None:
        """Serves until `close()`, or until a signal's handler raises an exception.

        With `run_once` it serves one request.
        """
        well = False
        try:
            self.restart_stats_timer(run_once)
            self._bootwire_tells_requests = run_once
            if not self._should_stop:
                self._bootwire_start()
            while not self._should_stop:
                self.run_once()
                if run_once and not self._bootwire_tells_requests:
                    break
            well = True
        finally:
            self._bootwire_stop(well)

    def run_once(self) -> None:
        """Waits for a moment. Requests are answered meanwhile."""
        self._bootwire_start()
        try:
            if self._bootwire_wakeups.get(timeout=_LOOK) == "request":
                self._bootwire_tells_requests = False
        except queue.Empty:
            # Raises, if a thread of the engine has died.
            if self._bootwire_serving is not None:
                self._bootwire_serving.wait(0)

    def close(self) -> None:
        """Lets `run()` return: no request is taken any more, and what runs may end.

        From any thread, and from a signal's handler.
        """
        self._should_stop = True
        self._bootwire_wakeups.put("close")

    def restart_stats_timer(self, run_once: bool = False) -> None:
        """Starts the wait for the next call of the statistics callback, if there is one."""
        if self._server_stats_callback is None:
            log.info("No callback for the server's statistics")
            return
        interval = self._server_stats.interval or constants.DATAPOINTS_INTERVAL_SECONDS
        timer = threading.Timer(interval, self._metrics_callback_wrapper, [run_once])
        timer.daemon = True
        self._metrics_timer = timer
        timer.start()

    def _metrics_callback_wrapper(self, run_once: bool = False) -> None:
        """Calls the statistics callback, and waits for the next time."""
        try:
            if self._server_stats_callback is not None:
                self._server_stats_callback(self._server_stats)
        except Exception:
            log.exception("The callback for the server's statistics failed")
        if not (run_once or self._should_stop):
            self.restart_stats_timer()

    def _bootwire_start(self) -> None:
        if self._bootwire_serving is None:
            serving = _engine.Serving(
                self._bootwire_serve, self._listener, self._bootwire_settings()
            )
            serving.start()
            self._bootwire_serving = serving

    def _bootwire_settings(self) -> dict[str, Any]:
        patience = _granting.patience(int(self._timeout), int(self._retries))
        settings = {
            "workers": 1,
            "deadline": _engine.DEADLINE,
            "give_up": float(patience),
            # Handlers of Python take longer to answer: more clients wait at the same time.
            "unproven_per_source_max": (64, 1024),
            # Who has everything and does not say so is not a failure.
            "linger": min(10.0, patience / 2),
        }
        return settings | dict(self.bootwire_settings)

    def _bootwire_stop(self, well: bool) -> None:
        self._should_stop = True
        if self._metrics_timer is not None:
            self._metrics_timer.cancel()
        serving, self._bootwire_serving = self._bootwire_serving, None
        try:
            if serving is not None:
                if well:
                    serving.drain(self.bootwire_drain_seconds)
                else:
                    serving.stop(grace=1.0)
        finally:
            self._listener.close()

    def _bootwire_serve(self, channel: _engine.Channel) -> None:
        """What the engine asks, on a thread of its pool."""
        request = channel.request
        if request.op != "read":
            channel.refuse(constants.ERR_ACCESS_VIOLATION, "Uploads are not accepted here")
            return
        peer = self._bootwire_peer(request.peer)
        path = request.filename.decode("latin-1")
        options: OrderedDict[str, Any] = OrderedDict()
        options["mode"] = request.mode
        options["default_timeout"] = self._timeout
        options["retries"] = self._retries
        for name, value in request.options:
            # The server's own are no client's to set.
            if name not in ("mode", "default_timeout", "retries"):
                options[name] = value
        with _conversation.answering(channel) as conversations:
            try:
                served = self._bootwire_converse(channel, conversations, peer, path, options)
            except SystemExit:
                # A handler that closed itself while it was made.
                served = True
                if not any(not talk.is_open for talk in conversations):
                    channel.refuse(constants.ERR_UNDEFINED, "", silent=True)
            except BaseException:
                log.exception("The handler for %r could not be made", path)
                served = True
                if not any(not talk.is_open for talk in conversations):
                    channel.refuse(constants.ERR_UNDEFINED, _wording.FAILED)
        if served:
            self._server_stats.increment_counter("process_count")
        else:
            log.warning("No handler for %r: %s gets no answer", path, peer)
        if self._bootwire_tells_requests:
            self._bootwire_wakeups.put("request")

    def _bootwire_converse(
        self,
        channel: _engine.Channel,
        conversations: list[_conversation.Conversation],
        peer: Peer,
        path: str,
        options: dict[str, Any],
    ) -> bool:
        """Has the handler made and started. False if there is none."""
        handler: Any = self.get_handler((self._address, self._port), peer, path, options)
        if handler is None:
            if any(talk.started or not talk.is_open for talk in conversations):
                # One was made that has spoken for itself.
                return True
            channel.refuse(constants.ERR_UNDEFINED, "", silent=True)
            return False
        talk = getattr(handler, "_bootwire", None)
        if not isinstance(talk, _conversation.Conversation):
            if isinstance(handler, BaseHandler):
                raise TypeError("the handler's __init__() never called super().__init__()")
            # Something that serves by itself: a process, a thread.
            channel.refuse(constants.ERR_UNDEFINED, "", silent=True)
        elif talk.channel is None:
            talk.attach(channel)
        elif talk.channel is not channel:
            raise TypeError("a handler answers one request: make another one")
        handler.daemon = True
        if talk is None or not talk.started:
            handler.start()
        return True

    def _bootwire_peer(self, peer: Peer) -> Peer:
        """The client's address as a socket of the server's family tells it."""
        if self._family == socket.AF_INET6 and len(peer) == 2:
            return (f"::ffff:{peer[0]}", peer[1], 0, 0)
        if self._family == socket.AF_INET and len(peer) == 4:
            return (peer[0].removeprefix("::ffff:"), peer[1])
        return peer
