"""Filters of the list of calls that stay cheap when there are millions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils import timezone

from calls import selectors
from calls.models import AccessRecord, Call, Source
from partners.models import SubTenant

# Whatever is longer is no bigint.
_LONGEST_KEY = 18
# So many accounts are looked through in a list; of more, one is asked for by name.
MOST_OFFERED = 50
# What is written into the box for it, as a parameter of the address.
NAMED = "account_named"
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


@dataclass(frozen=True, slots=True)
class Offered:
    """The accounts that a page has a link for: all of them, or ``of_many`` those asked for by name."""

    accounts: list[SubTenant]
    of_many: bool = False
    is_cut: bool = False


class AccountFilter(admin.SimpleListFilter):
    """A link for each account while they are few; of many, a box for how its name or id begins.

    Then the first accounts found have the links, and the list shows what is theirs of all that are found.
    """

    title = "sub-tenant"
    parameter_name = "account"
    template = "console/account_filter.html"

    def __init__(
        self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any
    ) -> None:
        self.asked = params.pop(NAMED, [""])[-1].strip()
        # A page that is narrowed or not is the first one.
        self.others = [
            pair for pair in request.GET.items() if pair[0] not in (*self.expected_parameters(), "p")
        ]
        super().__init__(request, params, model, model_admin)

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, NAMED]

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        self.offered = offered_accounts(named=self.asked, chosen=account_key(self.value()))
        return [(str(account.pk), str(account)) for account in self.offered.accounts]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice, (value, _) in zip(
            super().choices(changelist), [(None, ""), *self.lookup_choices], strict=True
        ):
            chosen = {self.parameter_name: value} if value else {}
            yield {**choice, "query_string": changelist.get_query_string(chosen, self.expected_parameters())}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.asked:
            # As keys: how many rows a condition on names meets is only guessed, and then all are joined.
            found = accounts_named(self.asked).order_by().values_list("pk", flat=True)
            return queryset.filter(sub_tenant__in=list(found))
        chosen = account_key(self.value())
        return queryset.filter(sub_tenant=chosen) if chosen else queryset


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


def accounts_named(text: str) -> QuerySet[SubTenant]:
    """Those whose name or id begins with ``text``, or their tenant's; or all of it, "Tenant / unit"."""
    if "\0" in text:  # which PostgreSQL does not take
        return accounts().none()
    label = Concat("tenant__name", Value(" / "), "name")
    begins = Q(name__istartswith=text) | Q(external_id__startswith=text)
    # The label begins with the tenant's name.
    begins |= Q(label__istartswith=text) | Q(tenant__external_id__startswith=text)
    return accounts().alias(label=label).filter(begins)


def offered_accounts(*, named: str, chosen: int) -> Offered:
    """All accounts while they are few; else those ``named`` so, or the one with the key ``chosen``."""
    everyone = list(accounts()[: MOST_OFFERED + 1])
    if len(everyone) <= MOST_OFFERED:
        return Offered(everyone)
    found = accounts_named(named) if named else accounts().filter(pk=chosen)
    first = list(found[: MOST_OFFERED + 1])
    return Offered(first[:MOST_OFFERED], of_many=True, is_cut=len(first) > MOST_OFFERED)
