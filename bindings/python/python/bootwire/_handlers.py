"""How a function's parameters are filled from a request."""

from __future__ import annotations

import enum
import functools
import inspect
import ipaddress
import pathlib
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, Union

from . import _bootwire
from ._answer import Answer, Refusal
from ._mac import MacAddr
from ._sinks import Body

__all__ = ["BODY_MAX", "handler_of"]

#: Largest upload a handler is given whole, if it says nothing else, in bytes.
BODY_MAX = 16 << 20

Fill = Callable[[_bootwire.Request, dict[str, str]], Any]


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


#: What makes a value of a route's text, for annotations that are not called with it themselves.
_CONVERTERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    MacAddr: MacAddr,
    uuid.UUID: uuid.UUID,
    ipaddress.IPv4Address: ipaddress.IPv4Address,
    ipaddress.IPv6Address: ipaddress.IPv6Address,
    pathlib.Path: pathlib.Path,
    pathlib.PurePath: pathlib.PurePath,
    pathlib.PurePosixPath: pathlib.PurePosixPath,
    Any: str,
    inspect.Parameter.empty: str,
}

_IPS = {ipaddress.IPv4Address, ipaddress.IPv6Address}


def _converter(annotation: Any, name: str, pattern: str) -> Callable[[str], Any]:
    if annotation in _CONVERTERS:
        return _CONVERTERS[annotation]
    origin = typing.get_origin(annotation)
    if origin in (Union, types.UnionType):
        members = set(typing.get_args(annotation)) - {type(None)}
        if members == _IPS:
            return _ip
        if len(members) == 1:
            return _converter(members.pop(), name, pattern)
    if origin is typing.Annotated:
        return _converter(typing.get_args(annotation)[0], name, pattern)
    if origin is typing.Literal:
        words = {str(word): word for word in typing.get_args(annotation)}

        def literal(text: str) -> Any:
            if text not in words:
                raise ValueError(f"{text!r} is none of {', '.join(words)}")
            return words[text]

        return literal
    if isinstance(annotation, type) and (
        issubclass(annotation, (str, int, enum.Enum, pathlib.PurePath))
    ):
        return annotation
    raise TypeError(
        f"{name!r} of {pattern!r} cannot be of type {annotation!r}: use str, int, bytes, MacAddr, "
        "IPv4Address, IPv6Address, UUID, Path, an Enum or a Literal, or convert it yourself"
    )


def _fill_param(name: str, annotation: Any, pattern: str) -> Fill:
    """Fills a parameter of the route."""
    if annotation is bytes:
        return lambda request, _: request.param_as_sent(name)
    convert = _converter(annotation, name, pattern)
    if convert is str:
        return lambda _, params: params[name]

    def fill(_: _bootwire.Request, params: dict[str, str]) -> Any:
        text = params[name]
        try:
            return convert(text)
        except (ValueError, ArithmeticError) as error:
            # A name that cannot be is the name of no file.
            raise Refusal.not_found(detail=f"{name}: {error}") from None

    return fill


def handler_of(
    function: Callable[..., Any], op: str, pattern: str | None, size_max: int | None
) -> Callable[[_bootwire.Request], Any]:
    """The function as the engine calls it: with a request and nothing else.

    Raises `TypeError` if it has a parameter that nothing fills.
    """
    params = [] if pattern is None else _bootwire.pattern_params(pattern)
    shown = "the fallback" if pattern is None else repr(pattern)
    annotations = _annotations(function)
    fills: list[tuple[str | None, Fill]] = []
    body: str | None = None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        keyword = None if parameter.kind is parameter.POSITIONAL_ONLY else name
        annotation = annotations.get(name, parameter.annotation)
        if name in params:
            fills.append((keyword, _fill_param(name, annotation, shown)))
        elif annotation is _bootwire.Request or name == "request":
            fills.append((keyword, lambda request, _: request))
        elif op == "write" and (annotation is bytes or name == "body"):
            if keyword is None or body is not None:
                raise TypeError(f"{_named(function)}: one parameter takes the upload, by its name")
            body = name
        elif parameter.default is parameter.empty:
            known = ", ".join([*params, "request", *(["body"] if op == "write" else [])])
            raise TypeError(
                f"{_named(function)}: nothing fills its parameter {name!r}; {shown} has {known}"
            )
    call = _caller(function, fills)
    if body is not None:
        limit = BODY_MAX if size_max is None else size_max
        named = body
        return lambda request: Answer(Body(call, request, named, limit), size_max=limit)
    if size_max is not None and op == "write":
        return functools.partial(_limited, call, size_max)
    return call


def _caller(
    function: Callable[..., Any], fills: list[tuple[str | None, Fill]]
) -> Callable[..., Any]:
    """Calls `function` with what is filled, and with what the caller adds."""
    if not fills:
        return lambda request, **more: function(**more)

    def call(request: _bootwire.Request, **more: Any) -> Any:
        params = request.params
        args = []
        for keyword, fill in fills:
            value = fill(request, params)
            if keyword is None:
                args.append(value)
            else:
                more[keyword] = value
        return function(*args, **more)

    return call


def _limited(call: Callable[..., Any], size_max: int, request: _bootwire.Request) -> Any:
    result = call(request)
    if inspect.iscoroutine(result):
        return _limited_later(result, size_max)
    return _with_limit(result, size_max)


async def _limited_later(result: Any, size_max: int) -> Any:
    return _with_limit(await result, size_max)


def _with_limit(result: Any, size_max: int) -> Answer:
    answer = result if isinstance(result, Answer) else Answer(result)
    if answer.size_max is None or answer.size_max > size_max:
        answer.size_max = size_max
    return answer


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, evaluated where they are text."""
    target = function
    while isinstance(target, functools.partial):
        target = target.func
    if not inspect.isroutine(target):
        target = type(target).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{_named(function)}: its annotations name {error.name!r}, which is not known where it is "
            "defined; import it outside of functions and of `if TYPE_CHECKING`"
        ) from None


def _named(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
