"""Reading a JSON body: bounded before it is read, strict while it is parsed."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from zipingest.api.errors import ApiError

MAX_DEPTH = 64

Path = tuple[str | int, ...]


def read_json(request: HttpRequest, *, max_bytes: int) -> Any:
    """The parsed body of ``request``.

    Raises ApiError: 411 without Content-Length, 413 over ``max_bytes``, 415 for another media type than
    application/json, 400 for anything that is not JSON in UTF-8 (RFC 8259: no NaN, no Infinity; a byte order
    mark is passed over) or is nested too deep.
    """
    if not has_length(request):
        raise ApiError(411)
    if is_longer(request, max_bytes):
        raise ApiError(413)
    if request.content_type != "application/json":
        raise ApiError(415)
    try:
        value = json.loads(request.body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError, UnreadablePostError) as error:
        raise ApiError(400) from error
    if _is_too_deep(value):
        raise ApiError(400, "The request body is nested too deep")
    return value


def has_length(request: HttpRequest) -> bool:
    """Whether there is a Content-Length that is one (RFC 9110 §8.6)."""
    given = _length(request)
    return given.isascii() and given.isdigit()


def is_longer(request: HttpRequest, max_bytes: int) -> bool:
    """Whether Content-Length says more than ``max_bytes``; without one nothing is read of a body."""
    # Python refuses to read numbers of thousands of digits.
    return has_length(request) and (len(_length(request)) > 15 or int(_length(request)) > max_bytes)


def walk(value: Any) -> Iterator[tuple[Path, Any]]:
    """``value`` and every value inside it with its path, lazily and without recursion."""
    levels: list[Iterator[tuple[Path, Any]]] = [iter([((), value)])]
    while levels:
        for path, node in levels[-1]:
            yield path, node
            if isinstance(node, dict | list):
                levels.append(_children(path, node))
                break
        else:
            levels.pop()


def unstorable(value: Any) -> list[tuple[Path, str]]:
    """Where ``value`` holds what no database keeps: U+0000, an unpaired surrogate, a number like 1e999."""
    if _is_storable(value):
        return []
    found = ((path, _problem(node) or (_problem(path[-1]) if path else "")) for path, node in walk(value))
    return [(path, problem) for path, problem in found if problem]


def _length(request: HttpRequest) -> str:
    return request.META.get("CONTENT_LENGTH") or ""


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [inner for node in level for inner in _contents(node) if isinstance(inner, (dict, list))]
        if not level:
            return False
    return any(level)


def _contents(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _is_storable(value: Any) -> bool:
    """Whether nothing is wrong for certain; asks of the whole at once, as nearly nothing ever is wrong."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:
        return False
    return r"\u0000" not in text


def _children(path: Path, node: dict[str, Any] | list[Any]) -> Iterator[tuple[Path, Any]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node)
    return (((*path, step), inner) for step, inner in steps)


def _problem(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if not isinstance(value, str):
        return ""
    if "\0" in value:
        return "must not contain the character U+0000"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "must not contain unpaired surrogates"
    return ""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
