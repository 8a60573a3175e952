"""What the dialer forgets of a customer who is erased: the contact in every batch, and what was said."""

from collections.abc import Sequence
from typing import Any

from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Cast, Concat

from calls.dialer.models import Contact, ContactStatus, PhoneLog
from calls.services import scrubbing
from partners.models import Delivery
from zipingest import work
from zipingest.work import RELEASED, WorkState


def forget(calls: Sequence[int]) -> None:
    """Empty the contacts whose call is one of ``calls``, and those of the same numbers in other batches.

    Nobody is dialled for them any more; a worker that is at one writes under an epoch that is gone. Runs in
    the transaction that erases the calls.
    """
    dialled = Contact.objects.filter(phone_logs__call__in=calls)
    same = Q(phone__in=dialled.values("phone"), sub_tenant__in=dialled.values("sub_tenant"))
    pks = list(Contact.objects.filter(same).values_list("pk", flat=True))
    if not pks:
        return
    logs = PhoneLog.objects.filter(contact__in=pks)
    scrubbing.scrub_deliveries(Delivery.objects.filter(subject__in=list(logs.values_list("uuid", flat=True))))
    logs.update(variables={}, cause="")
    contacts = Contact.objects.filter(pk__in=pks)
    contacts.filter(state__in=[WorkState.DUE, WorkState.LEASED]).update(**_cancelled())
    contacts.update(
        phone=Concat(Value("x"), Cast("pk", CharField()), output_field=CharField()),
        variables={},
        next_variables=None,
        time_zone="",
    )


def _cancelled() -> dict[str, Any]:
    return {
        "state": WorkState.FAILED,
        "status": ContactStatus.CANCELLED,
        "last_error": scrubbing.ERASED,
        "lease_epoch": F("lease_epoch") + 1,
        "updated_at": work.database_now(),
        **RELEASED,
    }
