"""One request answered without sockets: `Server.call`."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import Callable
from typing import Any

from . import _bootwire
from ._answer import Answer, Refusal
from ._content import Reader, reader_of
from ._sinks import sink_of

__all__ = ["Reply", "call"]

#: Bytes of one answer, at most: content without an end is a mistake here.
CONTENT_MAX = 1 << 30


class Reply:
    """What a client would get: `content`, `None` for a write; `answer` with its terms; the `request` as the
    handler saw it."""

    __slots__ = ("answer", "content", "request")

    def __init__(self, content: bytes | None, answer: Answer, request: _bootwire.Request) -> None:
        self.content = content
        self.answer = answer
        self.request = request

    @property
    def text(self) -> str:
        """The content as text."""
        return (self.content or b"").decode()

    def __repr__(self) -> str:
        return f"<Reply {self.content!r}>"


def call(
    routes: list[tuple[str, str | None, Any]],
    filename: str | bytes,
    body: bytes | None,
    peer: tuple[str, int],
    options: dict[str, Any],
    mode: str,
) -> Reply:
    request = _bootwire.make_request(
        "read" if body is None else "write",
        filename.encode() if isinstance(filename, str) else filename,
        peer=peer,
        options=[(str(name), str(value)) for name, value in options.items()],
        mode=mode,
        proven=True,
    )
    patterns = [(op, pattern, number) for number, (op, pattern, _) in enumerate(routes)]
    found = _bootwire.find_route(patterns, request)
    if found is None:
        raise Refusal.not_found() if body is None else Refusal.denied()
    number, request = found
    handler = routes[number][2]
    return _run(_answered(handler, request, body))


async def _answered(handler: Any, request: _bootwire.Request, body: bytes | None) -> Reply:
    if isinstance(handler, _bootwire.Directory):
        return Reply(handler.read_file(request.rest), Answer(handler), request)
    result = await _awaited(handler(request))
    answer = result if isinstance(result, Answer) else Answer(result)
    answer._terms()
    if body is not None:
        await _stored(answer, body)
        return Reply(None, answer, request)
    return Reply(await _collected(answer, request), answer, request)


async def _awaited(result: Any) -> Any:
    return await result if inspect.iscoroutine(result) else result


async def _collected(answer: Answer, request: _bootwire.Request) -> bytes:
    content = answer.content
    if content is None:
        raise Refusal.not_found()
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    if isinstance(content, os.PathLike):
        try:
            with open(content, "rb") as file:
                return file.read()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise Refusal.not_found(detail=str(error)) from error
        except PermissionError as error:
            raise Refusal.denied(detail=str(error)) from error
    directory = getattr(content, "directory", None)
    if isinstance(directory, _bootwire.Directory):
        return directory.read_file(content.name)
    blksize = min(int(dict(request.options).get("blksize", 512)), 65464)
    return await _drained(reader_of(content, answer._blksize(blksize)))


async def _drained(reader: Reader) -> bytes:
    pieces, total, end = [], 0, False
    try:
        reader.size()
        while not end:
            if reader.is_async:
                data, end = await reader.fill_async(64 << 10)
            else:
                data, end = reader.fill(64 << 10)
            pieces.append(data)
            total += len(data)
            if total > CONTENT_MAX:
                raise RuntimeError(f"{reader!r} has no end: it gave {total} bytes")
    finally:
        await _awaited(reader.close())
    return b"".join(pieces)


async def _stored(answer: Answer, body: bytes) -> None:
    sink = sink_of(answer.content)
    try:
        if answer.size_max is not None and len(body) > answer.size_max:
            raise Refusal.full("File too large")
        for at in range(0, len(body), 64 << 10):
            await _awaited(sink.write(body[at : at + (64 << 10)]))
    except BaseException:
        abort: Callable[[], Any] | None = getattr(sink, "abort", None) or getattr(
            sink, "close", None
        )
        if abort is not None:
            await _awaited(abort())
        raise
    finish = getattr(sink, "finish", None) or getattr(sink, "close", None)
    if finish is not None:
        await _awaited(finish())


def _run(answering: Any) -> Reply:
    """Runs a coroutine to its end, on a thread of its own where this one has a loop that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        reply: Reply = asyncio.run(answering)
        return reply
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(asyncio.run(answering))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=work, name="bootwire-call")
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    result: Reply = outcome[0]
    return result
