"""Sandbox calls are gone after a day with all that belongs to them; nothing else is touched."""

import io
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from calls.models import Call, Customer, LegalHold, Recording
from calls.services import holds, retention
from calls.services.holds import Placed
from partners import deliveries
from partners.models import Delivery
from tests.calls.living import live
from tests.calls.threads import in_a_thread
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


def test_it_leaves_a_held_call_alone_until_it_is_released() -> None:
    held = received(provisioned(sandbox=True), ago=timedelta(hours=25))
    place(held)

    assert retention.purge_sandbox() == 0
    assert default_storage().stat(object_key(held)) is not None

    holds.release(holds=LegalHold.objects.all(), released_by="ada")

    assert retention.purge_sandbox() == 1
    assert not Call.objects.exists()


def test_a_hold_placed_once_an_object_is_gone_learns_that_the_audio_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = received(provisioned(sandbox=True), ago=timedelta(hours=25))
    placed: list[Placed] = []
    delete = retention._delete_objects

    def delete_then_hold(given_up: Call) -> None:
        delete(given_up)
        placed.append(place(given_up))

    monkeypatch.setattr(retention, "_delete_objects", delete_then_hold)

    assert retention.purge_sandbox() == 1
    assert placed == [Placed(placed=0, before=0, gone=1)]
    assert not Call.objects.filter(pk=call.pk).exists()


def test_what_a_killed_round_gave_up_goes_with_the_next() -> None:
    call = received(provisioned(sandbox=True), ago=timedelta(hours=25))
    assert retention._give_up_sandbox_calls() == [call]

    assert retention.purge_sandbox() == 1
    assert default_storage().stat(object_key(call)) is None


def test_a_call_without_a_recording_that_is_held_on_the_way_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    call = live(sandbox=True, received_at=timezone.now() - timedelta(hours=25))
    monkeypatch.setattr(retention, "_delete_objects", place)

    assert retention.purge_sandbox() == 0
    assert Call.objects.filter(pk=call.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_it_passes_over_a_call_that_is_being_held() -> None:
    call = received(provisioned(sandbox=True), ago=timedelta(hours=25))
    with transaction.atomic():
        place(call)
        thread, results = in_a_thread(retention.purge_sandbox)
        thread.join(0.3)
    thread.join(10)

    assert results == [0]
    assert default_storage().stat(object_key(call)) is not None


def place(call: Call) -> Placed:
    return holds.place(calls=Call.objects.filter(pk=call.pk), reason="case 7", placed_by="ada")
