"""What is personal in the rows about a customer, and what is written in its place."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from calls.models import (
    Call,
    Customer,
    CustomValue,
    DispositionChange,
    FailureNotice,
    FetchAttempt,
    Pause,
    PendingTransaction,
    Recording,
    Signal,
    SimulatedCall,
)
from partners.models import Attempt, Delivery
from zipingest import work
from zipingest.work import RELEASED, WorkState

ERASED = "the customer was erased"
_PROSE = "erased"
# Ends whoever is at work on the row: what it writes afterwards, it writes under an epoch that is gone.
_ENDED: dict[str, Any] = {
    "state": WorkState.FAILED,
    **RELEASED,
    "lease_epoch": F("lease_epoch") + 1,
}


def scrub(customers: Sequence[int], calls: Sequence[int], prefix: str) -> int:
    """Overwrite all that is personal of the customers and calls; part of a transaction that locked them.

    ``prefix`` begins the ids that they have from now on. Returns how many callbacks were emptied.
    """
    _scrub_history(Customer, customers)
    _scrub_history(Call, calls)
    Customer.objects.filter(pk__in=customers).update(name="", email="", external_id=_renamed(prefix))
    deliveries = Delivery.objects.filter(
        subject__in=list(Call.objects.filter(pk__in=calls).values_list("uuid", flat=True))
    )
    emptied = scrub_deliveries(deliveries)
    DispositionChange.objects.filter(Q(customer__in=customers) | Q(call__in=calls)).update(note="")
    Pause.objects.filter(call__in=calls).exclude(provider_error="").update(provider_error=_PROSE)
    _scrub_simulated(calls)
    _scrub_reports(calls, prefix)
    _scrub_calls(calls, prefix)
    _scrub_recordings(calls)
    return emptied


def _scrub_calls(calls: Sequence[int], prefix: str) -> None:
    Call.objects.filter(pk__in=calls).update(
        external_id=_renamed(prefix),
        customer_phone="",
        # A number may be given out to a single visitor of a page.
        our_phone="",
        callback_url="",
        metadata={},
        custom_fields=[],
        extras={},
        fingerprint={},
    )


def _scrub_reports(calls: Sequence[int], prefix: str) -> None:
    """What partners said of the calls: that a signal was met stays, as an outcome does.

    Also what still waits for a call from one of their phones, whichever it would be.
    """
    Signal.objects.filter(call__in=calls).exclude(partner_unique_id="").update(
        partner_unique_id=_renamed(prefix)
    )
    CustomValue.objects.filter(call__in=calls).delete()
    rows = Call.objects.filter(pk__in=calls).order_by()
    phones = rows.exclude(customer_phone="").values("customer_phone")
    from_them = Q(phone__in=phones, sub_tenant__in=rows.values("sub_tenant"))
    PendingTransaction.objects.filter(from_them | Q(call__in=calls)).delete()


def _scrub_recordings(calls: Sequence[int]) -> None:
    recordings = Recording.objects.filter(call__in=calls)
    FetchAttempt.objects.filter(recording__in=recordings).update(transcript=[], content_type="", sniffed="")
    FetchAttempt.objects.filter(recording__in=recordings).exclude(error="").update(error=_PROSE)
    FailureNotice.objects.filter(recording__in=recordings).update(reason=_PROSE)
    _end(recordings)
    recordings.exclude(state=WorkState.DONE).update(last_error=ERASED)
    now = work.database_now()
    recordings.filter(purged_at__isnull=True).update(purged_at=now)
    recordings.update(
        source_url="",
        target="",
        url_expires_at=None,
        peaks=None,
        # They would tell that a file somebody kept is this call.
        original_sha256="",
        sha256="",
        crc32=None,
    )


def _scrub_simulated(calls: Sequence[int]) -> None:
    """The embedded simulator remembers numbers, and knows neither accounts nor customers."""
    phones = Call.objects.filter(pk__in=calls).exclude(provider="").values("customer_phone")
    SimulatedCall.objects.filter(phone__in=phones).update(phone="")


def scrub_deliveries(deliveries: "QuerySet[Delivery]") -> int:
    """Empty the callbacks, and let none of them be sent any more; how many they are."""
    attempts = Attempt.objects.filter(delivery__in=deliveries)
    attempts.update(answer="")
    attempts.exclude(error="").update(error=_PROSE)
    _end(deliveries)
    deliveries.exclude(state=WorkState.DONE).update(last_error=ERASED)
    return deliveries.update(body="{}", url="", target="")


def _end(rows: "QuerySet[Any]") -> None:
    rows.filter(state__in=[WorkState.DUE, WorkState.LEASED]).update(**_ENDED)


def _scrub_history(model: type[Call] | type[Customer], pks: Sequence[int]) -> None:
    """The console's history repeats how a row was called."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    entries.filter(object_id__in=[str(pk) for pk in pks]).update(object_repr=_PROSE)


def _renamed(prefix: str) -> Concat:
    return Concat(Value(prefix), Cast("pk", CharField()), output_field=CharField())
