"""Sandbox calls are gone after a day with all that belongs to them; nothing else is touched."""

import io
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from calls.models import Call, Customer, Recording
from calls.services import retention
from partners import deliveries
from partners.models import Delivery
from tests.support.factories import Provisioned, call, ingest, item, provisioned
from zipingest.storage import default_storage
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db


def received(partner: Provisioned, *, ago: timedelta) -> Call:
    """An ingested call with a stored object and a callback, received so long ago."""
    ingest(partner)
    ingested = call(partner)
    Call.objects.filter(pk=ingested.pk).update(received_at=timezone.now() - ago)
    Recording.objects.filter(call=ingested).update(state=WorkState.DONE)
    default_storage().put(object_key(ingested), io.BytesIO(b"audio"), content_type="audio/wav")
    deliveries.owe(
        partner=partner.partner,
        sub_tenant=partner.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url="https://partner.example.com/callback",
        payload={},
        subject=ingested.uuid,
    )
    return ingested


def object_key(ingested: Call) -> str:
    return f"recordings/{ingested.uuid}/1-1.wav"


def test_it_deletes_sandbox_calls_after_a_day_with_objects_callbacks_and_people() -> None:
    old = received(provisioned(sandbox=True), ago=timedelta(hours=25))

    assert retention.purge_sandbox() == 1

    assert not Call.objects.exists()
    assert not Customer.objects.exists()
    assert not Delivery.objects.exists()
    assert default_storage().stat(object_key(old)) is None


@pytest.mark.parametrize(("sandbox", "hours"), [(True, 23), (False, 25)], ids=["younger", "not sandbox"])
def test_it_keeps_what_is_younger_or_no_sandbox_call(sandbox: bool, hours: int) -> None:
    kept = received(provisioned(sandbox=sandbox), ago=timedelta(hours=hours))

    assert retention.purge_sandbox() == 0

    assert Call.objects.filter(pk=kept.pk).exists()
    assert default_storage().stat(object_key(kept)) is not None


def test_it_keeps_a_customer_who_has_another_call() -> None:
    partner = provisioned(sandbox=True)
    received(partner, ago=timedelta(hours=25))
    ingest(partner, item("younger"))

    retention.purge_sandbox()

    assert [customer.external_id for customer in Customer.objects.all()] == ["customer123"]


def test_it_leaves_a_call_that_is_being_fetched_for_the_next_round() -> None:
    busy = received(provisioned(sandbox=True), ago=timedelta(hours=25))
    Recording.objects.filter(call=busy).update(state=WorkState.LEASED)

    assert retention.purge_sandbox() == 0


def scratch_folder(name: str, *, hours_old: float) -> Path:
    folder: Path = settings.DATA_DIR / "scratch" / name
    folder.mkdir(parents=True, exist_ok=True)
    then = time.time() - hours_old * 3600
    os.utime(folder, (then, then))
    return folder


def test_it_removes_temporary_files_of_workers_killed_hours_ago_only() -> None:
    abandoned = scratch_folder("fetch-abandoned", hours_old=7)
    in_use = scratch_folder("fetch-in-use", hours_old=0.1)

    retention.remove_leftovers()

    assert not abandoned.exists()
    assert in_use.exists()
