"""Filters of the list of calls that stay cheap when there are millions."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from calls import selectors
from calls.models import Call

_PERIODS = {
    "hour": ("the last hour", timedelta(hours=1)),
    "day": ("the last 24 hours", timedelta(days=1)),
    "week": ("the last 7 days", timedelta(days=7)),
    "month": ("the last 30 days", timedelta(days=30)),
}


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(state, state) for state in selectors.CALL_STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> QuerySet[Call]:
        state = self.value()
        return selectors.in_state(queryset, state) if state in selectors.CALL_STATES else queryset


class ReceivedFilter(admin.SimpleListFilter):
    title = "received in"
    parameter_name = "received"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, words) for name, (words, _) in _PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> QuerySet[Call]:
        if self.value() not in _PERIODS:
            return queryset
        _, period = _PERIODS[str(self.value())]
        return selectors.received_since(queryset, timezone.now() - period)
