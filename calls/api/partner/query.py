"""What the address of a status request may hold: the id in its path, filters and pages in its query."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from calls import selectors
from calls.api.partner.schemas import UtcTime
from calls.api.wire import Wire, wrong

MAX_PER_PAGE = 200
NO_CURSOR = "must be a cursor that an earlier answer gave"

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class ExternalId:
    """A path converter: the id is the partner's own and may hold anything that we keep, a slash too."""

    regex = "[^\0]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def _state(value: Any) -> str:
    if value not in selectors.CALL_STATES:
        raise wrong(f"must be one of the following values: {', '.join(selectors.CALL_STATES)}")
    return str(value)


def _cursor(value: Any) -> int:
    if not _NUMBER.fullmatch(value):
        raise wrong(NO_CURSOR)
    return int(value)


def _per_page(value: Any) -> int:
    if not _NUMBER.fullmatch(value) or not 1 <= int(value) <= MAX_PER_PAGE:
        raise wrong(f"must be a whole number between 1 and {MAX_PER_PAGE}")
    return int(value)


class CallsQuery(Wire):
    """``cursor``: only calls taken in before the one of this id, which ends the page before."""

    state: Annotated[str, BeforeValidator(_state)] | None = None
    since: UtcTime | None = None
    cursor: Annotated[int, BeforeValidator(_cursor)] | None = None
    per_page: Annotated[int, BeforeValidator(_per_page)] = 50


class EventsQuery(Wire):
    """``after``: only events with higher numbers."""

    after: Annotated[int, BeforeValidator(_cursor)] = 0
    per_page: Annotated[int, BeforeValidator(_per_page)] = 50


def _boolean(value: Any) -> bool:
    if value not in ("true", "false"):
        raise wrong("must be a boolean value")
    return bool(value == "true")


class BatchQuery(Wire):
    """``validate_only``: check everything, store nothing."""

    validate_only: Annotated[bool, BeforeValidator(_boolean)] = False
