"""Signals, forks, the end of the interpreter, and interpreters that cannot have the engine: each in a
process of its own."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import unittest

import bootwire
from wire import TftpError, Transfer, get

PACKAGE = pathlib.Path(bootwire.__file__).parents[1]
HERE = pathlib.Path(__file__).parent


class Program:
    """A Python program that prints the port it serves."""

    def __init__(self, text: str) -> None:
        path = os.pathsep.join([str(PACKAGE), str(HERE)])
        self.process = subprocess.Popen(
            # Python 3.12 warns of every fork beside threads.
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(text)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def port(self) -> int:
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            raise AssertionError(line + self.process.communicate(timeout=60)[1])
        return int(line)

    def end(self) -> tuple[int, str, str]:
        """Exit status, and what it printed."""
        out, errors = self.process.communicate(timeout=60)
        return self.process.returncode, out, errors


SERVE = """
    import threading, time
    from bootwire import Server
    app = Server("127.0.0.1:0")
    @app.read("/motd")
    def motd():
        return "hello"
    @app.read("/for-ever")
    def for_ever():
        def lines():
            while True:
                yield b"x" * 512
        return lines()
    def tell():
        while not app.addresses:
            time.sleep(0.01)
        print(app.port)
    threading.Thread(target=tell, daemon=True).start()
"""


class Signals(unittest.TestCase):
    def test_ctrl_c_and_sigterm_end_a_run_well(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with (
                self.subTest(number),
                Program(SERVE + '    app.run()\n    print("after")') as program,
            ):
                self.assertEqual(get(program.port(), "motd"), b"hello")
                program.process.send_signal(number)
                status, out, errors = program.end()
                self.assertEqual((status, out, errors), (0, "after\n", ""))

    def test_the_second_signal_cuts_off_what_runs(self):
        with (
            Program(SERVE + "    app.run(drain=3600)") as program,
            Transfer(program.port()) as client,
        ):
            client.server = (client.server[0], client.server[1])
            client.request(1, "for-ever", {}, "octet")
            client.receive()
            client.send(4, 1)
            client.receive()
            program.process.send_signal(signal.SIGTERM)
            # It drains: nobody answers any more.
            with self.assertRaises((TimeoutError, TftpError)):
                while True:
                    get(client.server[1], "motd", timeout=0.2)
            self.assertIsNone(program.process.poll())
            program.process.send_signal(signal.SIGTERM)
            self.assertEqual(program.end()[0], 0)

    def test_a_program_s_own_handler_stays_its_own(self):
        program = (
            SERVE
            + """
    import signal
    def end(number, frame):
        raise SystemExit(7)
    signal.signal(signal.SIGTERM, end)
    app.run()
"""
        )
        with Program(program) as program:
            self.assertEqual(get(program.port(), "motd"), b"hello")
            program.process.send_signal(signal.SIGTERM)
            self.assertEqual(program.end()[0], 7)

    def test_ctrl_c_leaves_a_with_block_as_python_has_it(self):
        program = (
            SERVE
            + """
    with app:
        app.wait()
"""
        )
        with Program(program) as program:
            self.assertEqual(get(program.port(), "motd"), b"hello")
            program.process.send_signal(signal.SIGINT)
            status, _, errors = program.end()
            self.assertIn("KeyboardInterrupt", errors)
            self.assertNotEqual(status, 0)


class TheEnd(unittest.TestCase):
    def ends(self, text: str, status: int = 0) -> tuple[str, str]:
        with Program(text) as program:
            code, out, errors = program.end()
            self.assertEqual(code, status, errors)
            self.assertNotIn("Fatal", errors)
            return out, errors

    def test_a_program_may_end_while_it_serves(self):
        out, errors = self.ends(
            SERVE
            + """
    from wire import get
    app.start()
    print(get(app.port, "motd"))
"""
        )
        self.assertIn("b'hello'", out)
        self.assertEqual(errors, "")

    def test_handlers_that_never_return_do_not_keep_a_program_alive(self):
        for wait in ("time.sleep(3600)", "threading.Event().wait()", "spin()"):
            with self.subTest(wait):
                self.ends(
                    f"""
    import threading, time
    from bootwire import Server
    from wire import Transfer
    app = Server("127.0.0.1:0")
    entered = threading.Event()
    def spin():
        while True:
            pass
    @app.read("/x")
    def handler():
        entered.set()
        {wait}
    app.start()
    client = Transfer(app.port)
    client.request(1, "x", {{}}, "octet")
    entered.wait()
"""
                )

    def test_coroutines_that_never_end_neither(self):
        self.ends(
            """
    import asyncio, threading
    from bootwire import Server
    from wire import Transfer
    app = Server("127.0.0.1:0")
    entered = threading.Event()
    @app.read("/x")
    async def handler():
        entered.set()
        await asyncio.sleep(3600)
    app.start()
    client = Transfer(app.port)
    client.request(1, "x", {}, "octet")
    entered.wait()
"""
        )

    def test_a_server_that_is_dropped_is_no_trouble(self):
        self.ends(
            """
    import gc
    from bootwire._engine import Engine
    for turn in range(3):
        engine = Engine(lambda request: "x", listen="127.0.0.1:0")
        engine.open()
        del engine
        gc.collect()
    Engine(lambda request: "x", listen="127.0.0.1:0").start()
"""
        )

    def test_an_exit_in_the_middle_of_everything(self):
        self.ends(
            """
    import os, threading
    from bootwire import Server
    from wire import get
    app = Server("127.0.0.1:0")
    @app.read("/x")
    def handler():
        return (b"x" * 512 for _ in range(1000))
    app.start()
    def ask():
        while True:
            try:
                get(app.port, "x", timeout=1)
            except Exception:
                pass
    for _ in range(8):
        threading.Thread(target=ask, daemon=True).start()
    get(app.port, "x")
""",
        )


class Forks(unittest.TestCase):
    def child(self, text: str) -> str:
        with Program(text) as program:
            code, out, errors = program.end()
            self.assertEqual((code, errors), (0, ""))
            return out

    def test_a_process_may_fork_before_it_starts(self):
        out = self.child(
            SERVE.replace('"127.0.0.1:0"', '"127.0.0.1:0", workers=1')
            + """
    import os
    from wire import get
    if os.fork() == 0:
        with app:
            print(get(app.port, "motd"), flush=True)
        os._exit(0)
    os.wait()
"""
        )
        self.assertIn("b'hello'", out)

    def test_the_child_of_a_server_says_that_it_has_none(self):
        out = self.child(
            SERVE
            + """
    import os
    from wire import get
    app.start()
    get(app.port, "motd")
    if os.fork() == 0:
        for attempt in (app.stats, lambda: app.addresses, lambda: app.wait(1)):
            try:
                attempt()
            except RuntimeError as error:
                print("forked" in str(error), flush=True)
        app.stop()
        raise SystemExit(0)  # through atexit and all
    _, status = os.wait()
    print("child", status, get(app.port, "motd"))
    app.stop()
"""
        )
        self.assertEqual(out.count("True"), 3, out)
        self.assertIn("child 0 b'hello'", out)

    def test_a_server_in_a_multiprocessing_process(self):
        out = self.child(
            """
    import multiprocessing, sys
    from bootwire import Server
    from wire import get
    def serve(queue):
        app = Server("127.0.0.1:0")
        app.read("/x")(lambda: "child")
        with app:
            queue.put(app.port)
            app.wait()
    for method in ("fork",):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=serve, args=(queue,))
        process.start()
        print(get(queue.get(), "x"))
        process.kill()
        process.join()
"""
        )
        self.assertEqual(out, "b'child'\n")

    def test_importing_starts_no_thread_and_opens_nothing(self):
        out = self.child(
            """
    import os, asyncio, logging
    before = sorted(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    import bootwire
    app = bootwire.Server("[::]:69")
    after = sorted(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    print(before == after, before, after)
"""
        )
        self.assertTrue(out.startswith("True"), out)


class OtherInterpreters(unittest.TestCase):
    def test_a_subinterpreter_is_told_why_not(self):
        with Program(
            """
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        try:
            import _interpreters as interpreters
        except ImportError:
            raise SystemExit(0)
    import bootwire
    inner = interpreters.create()
    try:
        interpreters.run_string(inner, "\\n".join([
            "try:",
            "    import bootwire",
            "except ImportError as error:",
            "    assert 'main interpreter only' in str(error), error",
            "else:",
            "    raise SystemExit('it was imported')",
        ]))
    finally:
        interpreters.destroy(inner)
"""
        ) as program:
            code, _, errors = program.end()
            self.assertEqual((code, errors), (0, ""))


if __name__ == "__main__":
    unittest.main()
