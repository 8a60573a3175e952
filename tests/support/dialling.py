"""Batches and contacts as the product itself makes them, dialled by the simulator in this process."""

import time
from typing import Any

from calls.dialer.models import (
    RUNNING,
    Batch,
    CallingNumber,
    Contact,
    LogStatus,
    PhoneLog,
    Switch,
    VoiceAgent,
)
from calls.dialer.services import following, turns
from calls.telephony.simulator import happened
from partners.provisioning import Provisioned
from tests.support import factories
from zipingest import work
from zipingest.work import WorkState

PHONE = "+12125551004"
NUMBER = "+12025550100"


def batch(provisioned: Provisioned | None = None, *, phone: str = NUMBER, **fields: Any) -> Batch:
    """A started batch of the partner's account that may be dialled at any hour, with one number."""
    owner = provisioned or factories.provisioned()
    agent, _ = VoiceAgent.objects.get_or_create(sub_tenant=owner.sub_tenant, name="Ava")
    number, _ = CallingNumber.objects.get_or_create(
        sub_tenant=owner.sub_tenant, phone=phone, defaults={"agent": agent}
    )
    any_hour = {"hours_start": "00:00", "hours_end": "00:00"}
    made = Batch.objects.create(
        sub_tenant=owner.sub_tenant,
        partner=owner.partner,
        **{"name": "Renewals", "switch": Switch.STARTED, **any_hour, **fields},
    )
    made.numbers.add(number)
    made.refresh_from_db()
    return made


def contact(of: Batch, phone: str = PHONE, **fields: Any) -> Contact:
    """A contact of the batch that is due now."""
    now = work.database_now()
    return Contact.objects.create(
        batch=of,
        sub_tenant_id=of.sub_tenant_id,
        phone=phone,
        lane=turns.lane_of(of),
        **{"due_at": now, "created_at": now, "updated_at": now, **fields},
    )


def log(of: Contact, **fields: Any) -> PhoneLog:
    """A call of the contact that began just now, and has ended unless ``status`` says that it runs."""
    now = work.database_now()
    status = fields.setdefault("status", LogStatus.COMPLETED)
    over = {} if status in RUNNING else {"ended_at": now, "state": WorkState.DONE}
    given = {
        "sub_tenant_id": of.sub_tenant_id,
        "round": of.round,
        "number": of.batch.numbers.first(),
        "provider": "simulator",
        "begun_at": now,
        "due_at": now,
        "lane": f"account:{of.sub_tenant_id}",
    }
    return PhoneLog.objects.create(contact=of, **{**given, **over, **fields})


def dial_all() -> int:
    """Begin what may be begun now, as a worker does; how many contacts were looked at."""
    count = 0
    while work.run_one(Contact):
        count += 1
    return count


def run_until_ended(*contacts: Contact, seconds: float = 20) -> None:
    """Dial and note the simulator's events until no call of the contacts runs and none is due."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        dial_all()
        for event in happened():
            following.note(event)
        found = Contact.objects.filter(pk__in=[one.pk for one in contacts])
        running = PhoneLog.objects.filter(contact__in=found, ended_at__isnull=True)
        if not running.exists() and not found.filter(state="due", due_at__lte=work.database_now()).exists():
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the calls did not end in time")
    for one in contacts:
        one.refresh_from_db()
