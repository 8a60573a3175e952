"""Filters of the list of calls that stay cheap when there are millions."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from calls import selectors
from calls.models import AccessRecord, Call, Source
from partners.models import SubTenant

# Whatever is longer is no bigint.
_LONGEST_KEY = 18
# So many accounts are looked through in a list; of more, one is asked for by name.
MOST_OFFERED = 50
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
    """A link for each account while they are few; of many, a box for how its name or id begins.

    Then the accounts found have the links, and the list shows what is theirs.
    """

    title = "sub-tenant"
    parameter_name = "account"
    template = "console/account_filter.html"
    named = "account_named"

    def __init__(
        self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any
    ) -> None:
        (self.asked,) = params.pop(self.named, [""])[-1:]
        # A page that is narrowed or not is the first one.
        self.others = [
            pair for pair in request.GET.items() if pair[0] not in (*self.expected_parameters(), "p")
        ]
        super().__init__(request, params, model, model_admin)

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, self.named]

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        offered = accounts()[: MOST_OFFERED + 1]
        self.are_many = len(offered) > MOST_OFFERED
        if self.are_many:
            offered = self._found()
        return [(str(account.pk), str(account)) for account in offered]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice, (value, _) in zip(
            super().choices(changelist), [(None, ""), *self.lookup_choices], strict=True
        ):
            chosen = {self.parameter_name: value} if value else {}
            yield {**choice, "query_string": changelist.get_query_string(chosen, self.expected_parameters())}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.asked:
            return queryset.filter(sub_tenant__in=[account.pk for account in self._found()])
        chosen = account_key(self.value())
        return queryset.filter(sub_tenant=chosen) if chosen else queryset

    def _found(self) -> QuerySet[SubTenant]:
        """The chosen one, or those asked for by name."""
        if self.asked:
            begins = Q(name__istartswith=self.asked) | Q(external_id__startswith=self.asked)
            return accounts().filter(begins)[:MOST_OFFERED]
        return accounts().filter(pk=account_key(self.value()))


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


def account_key(text: str | None) -> int:
    """What may be the key of an account, 0 where it is none."""
    return int(text) if text and text.isdecimal() and len(text) <= _LONGEST_KEY else 0


def accounts() -> QuerySet[SubTenant]:
    return SubTenant.objects.select_related("tenant")
