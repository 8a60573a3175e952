"""The pages of batches: how far they are, why somebody is not called, and what may be done about it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.dialer.models import Batch, Blocked, CallingNumber, Contact, ContactStatus, LogStatus, Switch
from calls.dialer.views import batch as batch_page
from calls.dialer.views import batches as batches_page
from calls.dialer.words import lasting
from calls.models import Call, Source
from partners.models import Role
from tests.pages.exports import HTMX, signed_in, words
from tests.support import dialling, factories
from tests.support.dialling import contact, log
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db
ENDED = {"state": WorkState.DONE, "tries": 1}


@pytest.fixture(autouse=True)
def _simulated(settings: Any) -> None:
    settings.TELEPHONY_PROVIDER = "simulator"


@pytest.fixture
def client(db: None) -> Client:
    return signed_in()


def page(client: Client, batch: Batch, **asked: Any) -> str:
    answer = client.get(f"/batches/{batch.public_id}", asked)
    assert answer.status_code == 200
    return words(answer)


def rows(client: Client, batch: Batch, **asked: Any) -> list[str]:
    """The contacts as they are listed, a line each."""
    html = client.get(f"/batches/{batch.public_id}", asked, headers=HTMX).content.decode()
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", each)).strip() for each in found]


def post(client: Client, batch: Batch, path: str, query: str = "", **fields: Any) -> Any:
    return client.post(f"/batches/{batch.public_id}/{path}{query}", fields)


def end(batch: Batch, *statuses: str, minutes_ago: float = 5) -> None:
    """Contacts of the batch that ended so, called that long ago."""
    begun = timezone.now() - timedelta(minutes=minutes_ago)
    for status in statuses:
        made = contact(batch, f"+1212555{Contact.objects.count():04}", status=status, **ENDED)
        log(made, status=status, begun_at=begun, ended_at=begun)


# --- The list ---------------------------------------------------------------------------------------------
def test_the_list_says_how_far_each_batch_is(client: Client) -> None:
    calling = dialling.batch(name="First wave")
    end(calling, "completed", "completed", "busy", "no-answer", "failed")
    contact(calling, "+12125559001", status=ContactStatus.RINGING, **ENDED)
    contact(calling, "+12125559002", tries=1)
    for number in range(3):
        contact(calling, f"+1212555901{number}")
    dialling.batch(name="Another wave", switch=Switch.STOPPED)

    said = words(client.get("/batches"))
    assert said.index("Another wave Stopped") < said.index("First wave Calling 50 % 10 7")
    assert "2 completed, 1 no answer, 1 busy, 1 failed" in said
    assert "about 5 min" in said  # five ended in five minutes, five are left


def test_a_batch_is_completed_once_all_contacts_are(client: Client) -> None:
    batch = dialling.batch()
    end(batch, "completed", "no-answer")
    assert "Completed 100 % 2 2 1 completed, 1 no answer" in words(client.get("/batches"))
    assert "Every contact has come to its end." in page(client, batch)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (20, "less than a minute"),
        (90, "about 2 min"),
        (3600, "about 1 h"),
        (12_000, "about 3 h 20 min"),
        (400_000, "about 5 days"),
    ],
)
def test_what_is_left_is_said_as_roughly_as_it_is_known(seconds: int, said: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == said


def test_a_pace_of_long_ago_promises_nothing(client: Client) -> None:
    batch = dialling.batch()
    end(batch, "completed", minutes_ago=11)
    contact(batch)
    assert "not known yet" in words(client.get("/batches"))
    assert "How long it takes is not known yet" in page(client, batch)


def test_the_list_is_paged_by_key(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_page, "PER_PAGE", 2)
    made = [dialling.batch().public_id for _ in range(5)]
    seen, address = [], "/batches"
    while address:
        html = client.get(address).content.decode()
        seen += re.findall(r'id="batch-(\w+)"', html)
        older = re.search(r'href="(/batches\?before=\d+)">Older', html)
        address = older[1] if older else ""
    assert seen == made[::-1]


def test_a_list_on_which_nothing_moves_asks_no_more(client: Client) -> None:
    batch = dialling.batch(switch=Switch.STOPPED)
    assert "hx-trigger" not in client.get("/batches").content.decode()
    Batch.objects.filter(pk=batch.pk).update(switch=Switch.STARTED)
    assert 'hx-get="/batches/list"' in client.get("/batches").content.decode()


def test_anothers_and_deleted_batches_are_nowhere(client: Client) -> None:
    theirs = dialling.batch(factories.provisioned(sub_tenant="elsewhere"), name="Theirs")
    gone = dialling.batch(name="Deleted", deleted_at=timezone.now())
    assert "No batches yet" in words(client.get("/batches"))
    for batch in (theirs, gone):
        assert client.get(f"/batches/{batch.public_id}").status_code == 404
    assert client.get("/batches/nul\0").status_code == 404


# --- Who may ----------------------------------------------------------------------------------------------
def test_who_only_reads_sees_it_without_buttons_and_an_agent_not_at_all() -> None:
    batch = dialling.batch()
    end(batch, "completed")
    reader = signed_in(Role.READ_ONLY)
    html = reader.get(f"/batches/{batch.public_id}").content.decode()
    assert "Dial again" not in html
    assert "Stop" not in re.findall(r"<button[^>]*>([^<]*)", html)
    assert post(reader, batch, "stop").status_code == 403
    agent = signed_in(Role.AGENT)
    assert agent.get("/batches").status_code == 403
    assert 'href="/batches"' not in agent.get("/library").content.decode()


def test_it_is_stopped_and_started_where_it_is_seen(client: Client) -> None:
    batch = dialling.batch()
    contact(batch)
    assert post(client, batch, "stop", list="1")["Location"] == "/batches"
    assert "Stopped" in words(client.get("/batches"))
    assert post(client, batch, "start")["Location"] == f"/batches/{batch.public_id}"
    assert "is started" in page(client, batch)
    assert Batch.objects.get().switch == Switch.STARTED


# --- One batch --------------------------------------------------------------------------------------------
def test_the_page_says_when_it_calls_and_from_where(client: Client) -> None:
    batch = dialling.batch(
        hours_start="09:00",
        hours_end="17:30",
        allowed_days=[1, 2],
        time_zone="Europe/Berlin",
        retry=2,
        delay=5400,
    )
    batch.numbers.add(CallingNumber.objects.create(sub_tenant=batch.sub_tenant, phone="+12025550111"))
    log(contact(batch), status=LogStatus.RINGING)
    said = page(client, batch)
    assert "09:00 to 17:30" in said
    assert "Monday, Tuesday" in said
    assert "else of its number, else Europe/Berlin" in said
    assert "Up to 3, 90 min apart" in said
    assert "+12025550100 Ava, 1 of 5 calls running" in said
    assert "+12025550111 No agent speaks for it" in said
    assert "simulator : no real telephone rings" in said


def test_without_a_provider_it_says_that_nobody_is_called(client: Client, settings: Any) -> None:
    settings.TELEPHONY_PROVIDER = ""
    assert "Nobody is configured who carries calls" in page(client, dialling.batch())


def test_the_figures_renew_themselves_until_nothing_goes_on(client: Client) -> None:
    batch = dialling.batch()
    one = contact(batch)
    standing = f"/batches/{batch.public_id}/standing"
    assert standing in client.get(f"/batches/{batch.public_id}").content.decode()
    assert "Waiting 1" in words(client.get(standing, headers=HTMX))
    Contact.objects.filter(pk=one.pk).update(status=ContactStatus.COMPLETED, **ENDED)
    assert client.get(standing, headers=HTMX)["HX-Refresh"] == "true"


# --- Contacts: why not -------------------------------------------------------------------------------------
def test_every_contact_says_why_it_is_not_called(client: Client) -> None:
    # An hour that is over, and begins again in 22 hours.
    now = timezone.now()
    closed = {
        "hours_start": (now - timedelta(hours=2)).time(),
        "hours_end": (now - timedelta(hours=1)).time(),
    }
    batch = dialling.batch(retry=2, delay=60, **closed)
    contact(batch, "+12125551000", time_zone="UTC")
    contact(batch, "+12125551001", status="cancelled", blocked_by=Blocked.DNC, state=WorkState.DONE)
    contact(batch, "+12125551002", status="failed", blocked_by=Blocked.UNKNOWN, **ENDED)
    contact(batch, "+12125551003", status="busy", state=WorkState.DONE, tries=3)
    contact(
        batch, "+12125551004", status="failed", state=WorkState.FAILED, last_error="its workers were lost"
    )
    contact(batch, "+12125551005", status="ringing", **ENDED)
    contact(batch, "+12125551006", status="completed", **ENDED)
    contact(batch, "+12125551007", state=WorkState.LEASED, blocked_by=Blocked.HOURS)
    client.cookies["time_zone"] = "UTC"

    said = rows(client, batch)
    opens = f"{now - timedelta(hours=2) + timedelta(days=1):%-d %b %Y, %H:%M}"
    assert said[0].endswith(f"Outside its calling hours. {opens}")
    assert "It is on the do-not-call list." in said[1]
    assert "Not known 1" in said[2]
    assert "What became of its call is not known; a person has to decide." in said[2]
    assert "All 3 tries are used." in said[3]
    assert "It was given up: its workers were lost." in said[4]
    assert "A call is under way." in said[5]
    assert "It was reached." in said[6]
    assert "It is being dialled." in said[7]
    assert "Look at them and decide" in page(client, batch)

    Batch.objects.update(hours_start="00:00", hours_end="00:00")
    assert rows(client, batch)[0].endswith("Others come first. As soon as it can be")
    Batch.objects.update(switch=Switch.STOPPED)
    assert rows(client, batch)[0].endswith("The batch is stopped. \N{EN DASH}")


def test_times_are_in_the_viewers_zone_and_an_answered_call_leads_to_the_library(client: Client) -> None:
    batch = dialling.batch()
    begun = timezone.now().replace(year=2026, month=6, day=10, hour=22, minute=30)
    call = Call.objects.create(
        source=Source.DIALER,
        sub_tenant=batch.sub_tenant,
        partner=batch.partner,
        external_id="x",
        provider="simulator",
        started_at=begun,
        ended_at=begun,
        received_at=begun,
        customer_phone=dialling.PHONE,
    )
    one = contact(batch, status="completed", **ENDED)
    spoken = {"answered_at": begun, "ended_at": begun + timedelta(seconds=75)}
    log(one, status="completed", begun_at=begun, call=call, cause="hung up", **spoken)
    client.cookies["time_zone"] = "Asia/Tokyo"
    html = client.get(f"/batches/{batch.public_id}").content.decode()
    assert f'<a href="/library/{call.uuid}">11 Jun 2026, 07:30</a>' in html
    assert "Completed, 1:15: hung up" in html
    said = words(client.get(f"/library/{call.uuid}"))
    assert "Dialled by the dialer" in said
    assert "simulator (no real telephone)" in said
    assert f"Dialled for {batch.partner}" in said


# --- Contacts: finding ------------------------------------------------------------------------------------
def test_contacts_are_filtered_and_paged_by_key(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_page, "PER_PAGE", 2)
    batch = dialling.batch()
    for number in range(5):
        contact(batch, f"+1212555100{number}", status="busy", **ENDED)
    contact(batch, "+4930555777", status="failed", blocked_by=Blocked.UNKNOWN, **ENDED)
    contact(batch, "+4930555778", status="failed", **ENDED)
    dialling.contact(dialling.batch(name="Other"), "+12125551999", status="busy", **ENDED)

    seen, address = [], f"/batches/{batch.public_id}?status=busy&phone=1+(212)"
    while address:
        html = client.get(address).content.decode()
        seen += re.findall(r'data-label="Phone" class="nowrap">(\+\d+)', html)
        more = re.search(r'href="([^"]+)">More contacts', html)
        address = more[1].replace("&amp;", "&").split("#")[0] if more else ""
    assert seen == [f"+1212555100{number}" for number in range(5)]
    assert [row.split()[0] for row in rows(client, batch, status="unknown")] == ["+4930555777"]
    assert len(rows(client, batch, phone="+49 30-555 77")) == 2
    for nothing in ({"phone": "%"}, {"phone": "abc"}, {"status": "queued"}):
        assert rows(client, batch, **nothing) == [], nothing
    for unheard in ({"phone": "\0"}, {"status": "no such", "after": "x"}):
        assert len(rows(client, batch, **unheard)) == 2, unheard


# --- Dial again -------------------------------------------------------------------------------------------
def test_a_contact_that_ended_is_dialled_again_after_a_question(client: Client) -> None:
    batch = dialling.batch()
    one = contact(batch, status="failed", blocked_by=Blocked.UNKNOWN, **ENDED)
    html = client.get(f"/batches/{batch.public_id}?status=unknown").content.decode()
    assert "somebody may have answered it" in html
    action = re.search(r'action="([^"]*/again[^"]*)"', html)
    assert action is not None
    answer = client.post(action[1])
    assert answer["Location"] == f"/batches/{batch.public_id}?status=unknown"
    one.refresh_from_db()
    assert (one.status, one.state, one.round, one.blocked_by) == ("pending", "due", 2, "")
    assert f"{one.phone} is called again" in page(client, batch)

    again = post(client, batch, f"contacts/{one.public_id}/again")
    assert "has not come to its end" in words(client.get(again["Location"]))
    assert Contact.objects.get().round == 2


def test_a_contact_of_another_batch_is_unknown(client: Client) -> None:
    batch, other = dialling.batch(), dialling.batch(name="Other")
    one = contact(other, status="busy", **ENDED)
    assert post(client, batch, f"contacts/{one.public_id}/again").status_code == 404


# --- Cost -------------------------------------------------------------------------------------------------
def test_the_pages_take_the_same_few_queries_however_much_there_is(client: Client) -> None:
    counts = []
    for size in (2, 12):
        batches = [dialling.batch(name=f"Batch {size}-{number}") for number in range(size)]
        for number in range(size):
            CallingNumber.objects.create(
                sub_tenant=batches[0].sub_tenant, phone=f"+120255{size:02}{number:03}"
            )
        batches[0].numbers.add(*CallingNumber.objects.all())
        end(batches[0], *["busy"] * size)
        for number in range(size):
            contact(batches[0], f"+4930{size:02}{number:04}")
        addresses = ["/batches", f"/batches/{batches[0].public_id}"]
        addresses.append(f"{addresses[1]}/standing")
        counts.append([_cost(client, address) for address in addresses])
    assert counts[0] == counts[1]
    assert counts[0] == [6, 14, 7]


def _cost(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    # Asking PostgreSQL for the time reads no table.
    said = [query["sql"] for query in queries if " FROM " in query["sql"]]
    assert not [sql for sql in said if "COUNT(*)" in sql]
    return len(said)
