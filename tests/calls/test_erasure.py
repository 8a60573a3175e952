"""Erasing a customer: nothing personal is left anywhere, the proof and the facts stay, a hold stops it."""

import json
import threading
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from calls.hashes import keyed_hash
from calls.models import (
    Call,
    Customer,
    DispositionChange,
    DoNotCall,
    ErasedCall,
    Erasure,
    FetchAttempt,
    IdentifierKind,
    LegalHold,
    Recording,
    SimulatedCall,
)
from calls.services import erasure, holds, purge
from calls.services.erasure import Identity
from partners import deliveries
from partners.models import Attempt, Delivery, User
from tests.calls.dying import killed
from tests.calls.keeping import account, objects_of, recording_of, stored
from tests.calls.living import STARTED, live, paused
from tests.support import audio
from tests.support.factories import Provisioned, ingest
from tests.support.factories import call as call_of
from tests.support.factories import item as item_of
from tests.support.partner_server import PartnerServer
from tests.work.fetching import stored_keys, take_in
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

PHONE, EMAIL, ID = "+4930555777", "jane.roe@example.com", "jane-1"
IDENTIFIERS = {IdentifierKind.PHONE: PHONE, IdentifierKind.EMAIL: EMAIL, IdentifierKind.ID: ID}
PERSONAL = (PHONE, PHONE[1:], EMAIL, ID, "Jane Roe", "her-secret")


def call_of_jane(made: Provisioned, id: str = "her-secret-call", **changes: Any) -> Call:
    given = {
        "call": {"contact_number": PHONE, "recording_url": f"https://example.com/{id}.wav?who=her-secret"},
        "customer": {"id": ID, "name": "Jane Roe", "email": EMAIL, "disposition_status": "interested"},
        "metadata": {"note": "her-secret"},
        "callback_url": "https://partner.example.com/callback?who=her-secret",
        "industry": "her-secret",
    }
    return stored(made, id, item={**given, **changes})


def owed(made: Provisioned, call: Call) -> Delivery:
    delivery = deliveries.owe(
        partner=made.partner,
        sub_tenant=made.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url=call.callback_url,
        payload={"call_id": call.external_id, "meta": call.metadata},
        subject=call.uuid,
    )
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=work.database_now(),
        duration_ms=1,
        error="the endpoint answered 500",
        answer="no her-secret here",
    )
    return delivery


def who(made: Provisioned, kind: IdentifierKind = IdentifierKind.ID, value: str = ID) -> Identity:
    return Identity.of(made.sub_tenant, kind, value)


def erase(made: Provisioned, kind: IdentifierKind = IdentifierKind.ID, value: str = ID) -> Erasure:
    return erasure.erase(who=who(made, kind, value), asked_by="ada")


def everything() -> str:
    """Every value of every row that the product keeps."""
    models = [*apps.get_app_config("calls").get_models(), *apps.get_app_config("partners").get_models()]
    rows = [list(model._base_manager.values()) for model in (*models, LogEntry)]
    return json.dumps(rows, default=str)


@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_nothing_personal_is_left_in_any_row(kind: IdentifierKind) -> None:
    made = account()
    call = call_of_jane(made)
    owed(made, call)
    FetchAttempt.objects.create(
        recording=call.recording,
        run=1,
        started_at=work.database_now(),
        duration_ms=1,
        transcript=[{"url": "https://example.com/her-secret"}],
        error="a page titled her-secret",
        sniffed="her-secret",
    )
    LogEntry.objects.create(
        user=User.objects.create_user("ada"),
        content_type=ContentType.objects.get_for_model(Call),
        object_id=str(call.pk),
        object_repr=str(call),
        action_flag=CHANGE,
    )
    assert all(text in everything() for text in PERSONAL)

    erase(made, kind, IDENTIFIERS[kind])

    left = everything()
    assert [text for text in PERSONAL if text in left] == []


def test_the_objects_go_and_the_facts_stay() -> None:
    made = account()
    call = call_of_jane(made)
    done = erase(made)
    assert len(objects_of(call)) == 2
    assert erasure.carry_on(erasure=done)
    assert objects_of(call) == []
    after = Call.objects.select_related("recording").get(pk=call.pk)
    assert (after.uuid, after.started_at, after.disposition) == (
        call.uuid,
        call.started_at,
        call.disposition,
    )
    assert (after.recording.duration_seconds, after.recording.key) == (1.0, "")
    assert after.recording.purged_at is not None


def test_the_proof_says_who_when_and_how_much_but_not_whom() -> None:
    made = account()
    owed(made, call_of_jane(made))
    call_of_jane(made, "another-her-secret")
    proof = erase(made, IdentifierKind.PHONE, " +49 (30) 555-777")
    assert (proof.customers, proof.calls, proof.recordings, proof.deliveries) == (1, 2, 2, 1)
    assert (proof.asked_by, proof.sub_tenant, proof.finished_at) == ("ada", made.sub_tenant, None)
    erasure.resume()
    proof.refresh_from_db()
    assert proof.finished_at is not None
    assert proof.identifier_hash == keyed_hash("phone", PHONE)


def test_the_callback_that_waits_is_never_sent() -> None:
    made = account()
    delivery = owed(made, call_of_jane(made))
    erase(made)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.url, delivery.body) == (WorkState.FAILED, "", "{}")


def test_other_customers_and_other_accounts_are_left_alone() -> None:
    made, other = account(), account(name="other")
    call_of_jane(made)
    elsewhere = call_of_jane(other, "there")
    neighbour = stored(made, "neighbour", item={"customer": {"id": "john", "email": "john@example.com"}})
    erase(made)
    erasure.resume()
    assert [len(objects_of(call)) for call in (elsewhere, neighbour)] == [2, 2]
    assert set(Customer.objects.exclude(name="").values_list("external_id", flat=True)) == {ID, "john"}


def test_the_same_id_at_another_partner_is_somebody_else_when_the_partner_is_given() -> None:
    made, other = account(), account()
    call_of_jane(made)
    kept = call_of_jane(other, "of-the-other")
    erasure.erase(who=Identity.of(made.sub_tenant, IdentifierKind.ID, ID, made.partner), asked_by="ada")
    erasure.resume()
    assert len(objects_of(kept)) == 2


def test_calls_of_the_customer_from_other_phones_go_too() -> None:
    made = account()
    first = call_of_jane(made)
    second = call_of_jane(made, "other-phone", call={"contact_number": "+4930111"})
    erase(made, IdentifierKind.PHONE, PHONE)
    assert set(ErasedCall.objects.values_list("call", flat=True)) == {first.pk, second.pk}


@pytest.mark.parametrize(
    ("kind", "value"),
    [(IdentifierKind.ID, "nobody"), (IdentifierKind.EMAIL, " "), (IdentifierKind.PHONE, "+")],
)
def test_it_refuses_what_means_nobody_or_everybody(kind: IdentifierKind, value: str) -> None:
    made = account()
    stored(made, item={"customer": {"id": "x", "email": ...}})
    with pytest.raises(erasure.NobodyFound):
        erase(made, kind, value)
    assert not Erasure.objects.exists()


def test_a_hold_on_any_of_the_calls_stops_it_and_is_named() -> None:
    made = account()
    call_of_jane(made, "free")
    held = call_of_jane(made, "held-one")
    holds.place(calls=Call.objects.filter(pk=held.pk), reason="case", placed_by="ada")
    before = everything()
    with pytest.raises(erasure.Held, match="held-one"):
        erase(made)
    assert everything() == before
    holds.release(holds=LegalHold.objects.all(), released_by="ada")
    assert erase(made).calls == 2


def test_a_call_in_progress_stops_it_and_is_named() -> None:
    made = account()
    call_of_jane(made)
    talking = live(made.sub_tenant, customer_phone=PHONE, external_id="live-1")
    before = everything()
    with pytest.raises(erasure.InProgress, match="still speak in live-1: nothing"):
        erase(made, IdentifierKind.PHONE, PHONE)
    assert everything() == before
    Call.objects.filter(pk=talking.pk).update(ended_at=work.database_now())
    assert erase(made, IdentifierKind.PHONE, PHONE).calls == 2


def test_what_agents_and_the_simulator_noted_of_a_live_call_goes_too() -> None:
    made = account()
    call = live(made.sub_tenant, customer_phone=PHONE, ended_at=STARTED, external_id="her-secret")
    paused(call, provider_error=f"{PHONE} is not known here")
    SimulatedCall.objects.create(phone=PHONE, started_at=STARTED)
    customer = Customer.objects.create(
        sub_tenant=made.sub_tenant, external_id=ID, name="Jane Roe", email=EMAIL
    )
    Call.objects.filter(pk=call.pk).update(customer=customer)
    DispositionChange.objects.create(
        customer=customer, call=call, note="call Jane Roe back", changed_by="ada", changed_at=STARTED
    )
    assert all(text in everything() for text in PERSONAL)

    erase(made, IdentifierKind.PHONE, PHONE)

    left = everything()
    assert [text for text in PERSONAL if text in left] == []
    erasure.resume()
    assert Erasure.objects.get().finished_at is not None


def test_an_e_mail_means_the_same_in_capital_letters() -> None:
    made = account()
    call_of_jane(made, customer={"id": ID, "email": "Jane.Roe@Example.com"})
    stored(made, "neighbour", item={"customer": {"id": "john", "email": "jane_roe@example.com"}})
    found = erasure.find(who(made, IdentifierKind.EMAIL, " JANE.roe@example.COM"))
    assert (len(found.customers), len(found.calls)) == (1, 1)


def test_a_do_not_call_number_survives_as_a_hash() -> None:
    made = account()
    call_of_jane(made, customer={"id": ID, "disposition_status": "Do_Not_Call"})
    erase(made)
    assert erasure.must_not_be_called(made.sub_tenant, PHONE)
    assert not erasure.must_not_be_called(made.sub_tenant, "+4930555778")
    assert not erasure.must_not_be_called(account(name="other").sub_tenant, PHONE)


def test_a_do_not_call_mark_outlives_a_new_pepper(settings: Any) -> None:
    made = account()
    call_of_jane(made, customer={"id": ID, "disposition_status": "do_not_call"})
    erase(made)
    settings.API_KEY_PEPPERS = ["2:a-new-pepper", *settings.API_KEY_PEPPERS]
    assert erasure.must_not_be_called(made.sub_tenant, PHONE)
    assert DoNotCall.objects.count() == 1


def test_who_registered_is_told_of_the_calls_in_the_same_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    made = account()
    call = call_of_jane(made)
    told: list[list[int]] = []
    monkeypatch.setattr(erasure, "_hooks", [])
    erasure.on_erase(lambda calls: told.append(list(calls)))
    erase(made)
    assert told == [[call.pk]]


def test_a_call_that_waits_for_its_recording_is_not_fetched_any_more() -> None:
    made = account()
    ingest(made, item_of("waiting", customer={"id": ID}))
    erase(made)
    recording = recording_of(Call.objects.get())
    assert (recording.state, recording.source_url, recording.lease_epoch) == (WorkState.FAILED, "", 1)
    assert not work.run_one(Recording)


@pytest.mark.django_db(transaction=True)
def test_a_worker_at_the_recording_stores_nothing_and_calls_nobody_back() -> None:
    with PartnerServer() as server:
        release = threading.Event()
        server.serve("/a.wav", audio.wav(1.0), hold=release, hold_after=100)
        made = account()
        call = take_in(server.url("/a.wav"), partner=made)
        thread = threading.Thread(target=_run_one)
        thread.start()
        while not server.requests:
            thread.join(0.02)
        erase(made, value="customer123")
        erasure.resume()
        release.set()
        thread.join(20)
    assert recording_of(call).state == WorkState.FAILED
    assert stored_keys(call) == []
    assert not Delivery.objects.exists()
    assert not FetchAttempt.objects.exists()


def _run_one() -> None:
    try:
        work.run_one(Recording)
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["half", "deleted"])
def test_killed_on_the_way_it_is_carried_on(step: str) -> None:
    made = account()
    calls = [call_of_jane(made, f"call-{number}") for number in range(2)]
    done = erase(made)
    killed(step, "erasure")
    assert Erasure.objects.get().finished_at is None
    erasure.resume()
    done.refresh_from_db()
    assert done.finished_at is not None
    assert [objects_of(call) for call in calls] == [[], []]


def test_the_purge_and_the_erasure_do_not_trip_over_each_other() -> None:
    made = account()
    call = call_of_jane(made)
    erase(made)
    purge.delete_marked()
    erasure.resume()
    assert objects_of(call) == []
    assert call_of(made, str(Call.objects.get().external_id)).recording.key == ""
