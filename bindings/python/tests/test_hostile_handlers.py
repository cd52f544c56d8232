"""Handlers that do everything wrong: the server goes on, and clients are told what they may know."""

from __future__ import annotations

import io
import unittest

from bootwire import Answer, Refusal
from hostile import Hostile, Own
from wire import TftpError, put, until


class HandlersThatRaise(Hostile):
    def test_whatever_a_handler_raises_the_server_goes_on(self):
        raised: list[BaseException] = [
            Exception("/secret/path"),
            Own("x"),
            SystemExit(3),
            KeyboardInterrupt(),
            GeneratorExit(),
            StopIteration(),
            MemoryError(),
            RecursionError(),
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "/secret/path"),
        ]

        def handler(request):
            raise raised[int(request.path[1:])]

        self.serve(handler)
        for number, error in enumerate(raised):
            refused = self.refused(str(number))
            self.assertEqual((refused.code, refused.text), (0, "Server error, try again"), error)
        self.assertEqual(len(self.logged), len(raised))
        self.assertTrue(all(entry.exc_info for entry in self.logged))
        self.assertEqual(self.record().outcome, "internal")
        self.assertIn("in Python", self.record().detail)

    def test_what_exceptions_say_of_files_is_told(self):
        errors = {
            "gone": (FileNotFoundError(2, "no", "/secret"), 1, "File not found"),
            "dir": (IsADirectoryError(21, "no", "/secret"), 1, "File not found"),
            "denied": (PermissionError(13, "no", "/secret"), 2, "Access denied"),
            "full": (OSError(28, "no", "/secret"), 3, "Disk full"),
            "own": (Refusal(4, "Not like this", detail="/secret"), 4, "Not like this"),
        }

        def handler(request):
            raise errors[request.path[1:]][0]

        self.serve(handler)
        for name, (_, code, text) in errors.items():
            refused = self.refused(name)
            self.assertEqual((refused.code, refused.text), (code, text))
        self.assertEqual(self.logged, [])
        until(lambda: len(self.records) == len(errors))
        self.assertTrue(all("/secret" in record.detail for record in self.records))

    def test_a_refusal_that_cannot_be_is_a_failure(self):
        wrong = [Refusal(99), Refusal(-1), Refusal("x"), Refusal(1, text=5), Refusal(1 << 70)]

        def handler(request):
            raise wrong[int(request.path[1:])]

        self.serve(handler)
        for number in range(len(wrong)):
            self.assertEqual(self.refused(str(number)).code, 0)
        self.assertEqual(len(self.logged), len(wrong))

    def test_a_long_text_is_cut(self):
        def handler(request):
            raise Refusal(1, "x" * 10_000)

        self.serve(handler)
        self.assertLessEqual(len(self.refused().text), 60)

    def test_a_request_whose_repr_raises_is_logged_all_the_same(self):
        class Content:
            def read(self, n):
                raise ValueError("no")

            def __repr__(self):
                raise RuntimeError("no repr either")

        self.serve(lambda request: Content())
        self.assertEqual(self.refused().code, 0)


class WrongAnswers(Hostile):
    def test_what_is_no_content_is_a_failure(self):
        answers = [5, 1.5, True, object(), [b"a"], (b"a",), type, Answer(7), Answer(Answer("x"))]
        self.serve(lambda request: answers[int(request.path[1:])])
        for number in range(len(answers)):
            self.assertEqual(self.refused(str(number)).code, 0, answers[number])
        self.assertEqual(len(self.logged), len(answers))

    def test_terms_that_cannot_be_are_a_failure(self):
        answers = [
            Answer(b"x", blksize_max=-1),
            Answer(b"x", windowsize_max="no"),
            Answer(b"x", resend_min="no"),
            Answer(b"x", machine=object()),
            Answer(io.BytesIO(b"x"), kind=5),
        ]
        self.serve(lambda request: answers[int(request.path[1:])])
        for number in range(len(answers)):
            self.assertEqual(self.refused(str(number)).code, 0)

    def test_a_write_answered_with_content_and_a_read_with_a_sink(self):
        class Sink:
            def write(self, data):
                pass

        self.serve(lambda request: "text" if request.op == "write" else Sink())
        self.assertEqual(self.refused().code, 0)
        with self.assertRaises(TftpError) as caught:
            put(self.port, "up", b"x")
        self.assertEqual(caught.exception.code, 0)

    def test_none_is_no_such_file_and_no_place_for_an_upload(self):
        self.serve(lambda request: None)
        self.assertEqual(self.refused().code, 1)
        with self.assertRaises(TftpError) as caught:
            put(self.port, "up", b"x")
        self.assertEqual(caught.exception.code, 2)
        self.assertEqual(self.logged, [])


if __name__ == "__main__":
    unittest.main()
