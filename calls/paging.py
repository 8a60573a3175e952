"""Pages of calls by key: a page deep down costs what the first one costs, and nothing is counted."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from django.db.models import Q, QuerySet

from calls.models import Call

PER_PAGE = 50

_CURSOR = re.compile(r"(?P<at>\S{19,40}) (?P<pk>\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the calls, newest first: that of the call which started then and has this key."""

    at: datetime
    pk: int

    @classmethod
    def of(cls, call: Call) -> Self:
        return cls(call.started_at, call.pk)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What ``str`` of a cursor wrote; None where it is anything else."""
        try:
            found = _CURSOR.fullmatch(urlsafe_b64decode(text).decode("ascii"))
            at = datetime.fromisoformat(found["at"]) if found else None
        except (binascii.Error, ValueError):
            return None
        return cls(at, int(found["pk"])) if found and at and at.tzinfo else None

    def __str__(self) -> str:
        return urlsafe_b64encode(f"{self.at.astimezone(UTC).isoformat()} {self.pk}".encode()).decode()

    @property
    def older(self) -> Q:
        # The first half alone is what an index is entered by.
        return Q(started_at__lte=self.at) & (Q(started_at__lt=self.at) | Q(pk__lt=self.pk))

    @property
    def newer(self) -> Q:
        return Q(started_at__gte=self.at) & (Q(started_at__gt=self.at) | Q(pk__gt=self.pk))


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, newest first; ``older`` and ``newer`` are cursors of the pages beside it, None where none is."""

    calls: list[Call]
    older: Cursor | None
    newer: Cursor | None


def page(calls: QuerySet[Call], *, before: Cursor | None = None, after: Cursor | None = None) -> Page:
    """Those of ``calls`` older than ``before``, or just newer than ``after``; else the newest.

    ``calls`` are ordered newest first. One query, or two where what is newer fills no page.
    """
    if after is not None:
        found = list(calls.filter(after.newer).order_by("started_at", "pk")[: PER_PAGE + 1])
        if len(found) > PER_PAGE:
            return _page(found[:PER_PAGE][::-1], has_older=True, has_newer=True)
        before = None
    rows = list((calls.filter(before.older) if before else calls)[: PER_PAGE + 1])
    return _page(rows[:PER_PAGE], has_older=len(rows) > PER_PAGE, has_newer=before is not None)


def _page(calls: list[Call], *, has_older: bool, has_newer: bool) -> Page:
    older = Cursor.of(calls[-1]) if calls and has_older else None
    newer = Cursor.of(calls[0]) if calls and has_newer else None
    return Page(calls, older, newer)
