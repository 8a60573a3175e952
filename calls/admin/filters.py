"""Filters of the list of calls that stay cheap when there are millions."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from calls import selectors
from calls.models import AccessRecord, Call, Source
from partners.models import SubTenant

# Of live calls, which have no recording yet.
_IN_PROGRESS = "in_progress"
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
        return [(_IN_PROGRESS, "in progress"), *((state, state) for state in selectors.CALL_STATES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Call]) -> QuerySet[Call]:
        state = self.value()
        if state == _IN_PROGRESS:
            return queryset.filter(source=Source.LIVE, ended_at__isnull=True)
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


class AccountFilter(admin.SimpleListFilter):
    """The accounts are read from their own table, in one query."""

    title = "sub-tenant"
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(str(account.pk), str(account)) for account in account_choices()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(sub_tenant=int(value)) if value.isdecimal() else queryset


class DayFilter(admin.SimpleListFilter):
    """The last fourteen days by name; any other by its date in the address."""

    title = "day"
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        today = timezone.now().astimezone(UTC).date()
        days = [(today - timedelta(days=back)).isoformat() for back in range(14)]
        return [(day, day) for day in days]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AccessRecord]) -> QuerySet[AccessRecord]:
        if (day := chosen_day(self.value())) is None:
            return queryset
        midnight = datetime.combine(day, time.min, UTC)
        return queryset.filter(at__gte=midnight, at__lt=midnight + timedelta(days=1))


def chosen_day(text: str | None) -> date | None:
    """The day in ISO 8601 (``2026-03-01``), None where it is none."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def account_choices() -> list[SubTenant]:
    return list(SubTenant.objects.select_related("tenant"))
