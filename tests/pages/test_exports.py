"""The exports page: what the form says while it is filled in, what comes of an order, and the list."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from calls.models import Agent, Campaign, DispositionCode
from exports.models import ExportJob
from exports.views import orders as orders_page
from exports.words import asked
from tests.exports.support import agent, june, matched, ordered, stored
from tests.pages.exports import HTMX, JUNE, address, estimate, expire, live, order, signed_in, words
from tests.support.factories import account
from zipingest import work

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in(email="maria@account.example")


# --- The estimate -----------------------------------------------------------------------------------------
def test_the_estimate_says_how_much_and_what_would_be_left_out(client: Client) -> None:
    stored(number=1, data=b"x" * 2048)
    expire(stored(number=2))
    stored(number=3, data=b"x" * 2048)
    matched(account(), number=4)
    live(5)
    said = estimate(client)
    assert "2 recordings, 4.0 KB" in said
    assert "3 of 5 matching calls would be left out: 1 past the retention period, 2 without" in said


def test_the_estimate_says_that_nothing_matches(client: Client) -> None:
    assert "Nothing matches" in estimate(client)


def test_calls_without_a_recording_match_and_are_no_files(client: Client) -> None:
    live(1)
    said = estimate(client)
    assert "Nothing to export" in said
    assert "Of 1 matching call, none has a recording" in said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"date_to": "2026-07-02"}, "At most 31 days fit in one export; these are 32."),
        ({"date_to": "2026-05-01"}, "The last day is before the first."),
        ({"date_to": ""}, "Choose the last day."),
        ({"date_from": "yesterday"}, "Enter a day as year-month-day"),
        ({"date_from": "0001-01-01"}, "Enter a day between 1970 and 2100."),
        ({"campaign": "77"}, "There is no such campaign."),
        ({"agent": "77"}, "There is no agent 77."),
        ({"agent": "ada"}, "There is no agent ada."),
        ({"agent": "7\0"}, "There is no agent"),
        ({"agent": "9" * 30}, "There is no agent"),
        ({"disposition": "UNKNOWN"}, "There is no disposition UNKNOWN."),
        ({"disposition": "NUL\0"}, "Null characters are not allowed."),
    ],
)
def test_the_estimate_says_what_is_wrong(client: Client, asked: dict[str, str], said: str) -> None:
    assert said in estimate(client, **asked)


def test_thirty_one_days_are_not_too_many(client: Client) -> None:
    assert "Nothing matches" in estimate(client, date_to="2026-07-01")


def test_the_estimate_narrows_with_every_filter(client: Client) -> None:
    ben = agent(account(), "102", "Ben")
    spring = Campaign.objects.create(sub_tenant=account(), name="Spring")
    for code in ("SALE-OK", "NO-SALE"):
        DispositionCode.objects.create(sub_tenant=account(), code=code)
    stored(number=1, campaign=spring)
    stored(number=2, agent=ben)
    stored(number=3, disposition="NO-SALE")
    ada = Agent.objects.get(name="Ada")
    assert "1 recording," in estimate(client, campaign=spring.pk)
    assert "1 recording," in estimate(client, agent=ben.pk)
    assert "3 recordings," in estimate(client, agent=[ada.pk, ben.pk])
    assert "2 recordings," in estimate(client, disposition=["SALE-OK"])


def test_days_are_those_of_the_viewers_zone(client: Client) -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    stored(number=1, started_at=datetime(2026, 6, 10, 0, 0, tzinfo=auckland))
    stored(number=2, started_at=datetime(2026, 6, 10, 23, 59, 59, 500_000, tzinfo=auckland))
    stored(number=3, started_at=datetime(2026, 6, 11, 0, 0, tzinfo=auckland))
    client.cookies["time_zone"] = "Pacific/Auckland"
    assert "2 recordings" in estimate(client, date_from="2026-06-10", date_to="2026-06-10")


def test_anothers_calls_agents_and_campaigns_are_unknown(client: Client) -> None:
    elsewhere = account("elsewhere")
    foreign = Campaign.objects.create(sub_tenant=elsewhere, name="Theirs")
    stored(elsewhere, number=1)
    theirs = Agent.objects.get()
    assert "Nothing matches" in estimate(client)
    assert "There is no such campaign." in estimate(client, campaign=foreign.pk)
    assert "There is no agent" in estimate(client, agent=theirs.pk)
    page = words(client.get("/exports"))
    assert "Theirs" not in page
    assert "Ada" not in page


# --- Choosing ---------------------------------------------------------------------------------------------
def test_agents_are_found_by_name_and_extension_and_the_chosen_stay(client: Client) -> None:
    names = {"101": "Ada Lovelace", "102": "Ben", "2103": "Adam"}
    rows = {name: agent(account(), extension, name) for extension, name in names.items()}
    found = client.get("/exports/agents", {"q": "ada", "agent": rows["Ben"].pk}, headers=HTMX)
    assert re.findall(r"<span>(.*?)</span>", found.content.decode()) == [
        "Ben (102)",
        "Ada Lovelace (101)",
        "Adam (2103)",
    ]
    assert found.content.decode().count("checked") == 1
    assert "Adam" in words(client.get("/exports/agents", {"q": "21"}, headers=HTMX))
    assert "Nothing found" in words(client.get("/exports/agents", {"q": "zzz"}, headers=HTMX))


def test_dispositions_are_found_by_code_and_label(client: Client) -> None:
    DispositionCode.objects.create(sub_tenant=account(), code="SALE-OK", label="Sold")
    DispositionCode.objects.create(sub_tenant=account(), code="DNC")
    assert "SALE-OK (Sold)" in words(client.get("/exports/dispositions", {"q": "sold"}, headers=HTMX))
    assert "SALE-OK" not in words(client.get("/exports/dispositions", {"q": "dnc"}, headers=HTMX))


def test_what_a_search_cannot_hold_finds_nothing(client: Client) -> None:
    assert "Nothing found" in words(client.get("/exports/agents", {"q": "a\0"}, headers=HTMX))


def test_the_form_is_filled_in_from_the_query_string(client: Client) -> None:
    stored(number=1)
    spring = Campaign.objects.create(sub_tenant=account(), name="Spring")
    ada = Agent.objects.get()
    asked = {**JUNE, "campaign": spring.pk, "agent": ada.pk}
    page = client.get("/exports", asked).content.decode()
    assert 'value="2026-06-01"' in page
    assert 'value="2026-06-30"' in page
    assert f'<option value="{spring.pk}" selected>' in page
    assert f'name="agent" value="{ada.pk}" checked' in page


def test_without_days_it_offers_the_last_seven(client: Client) -> None:
    page = client.get("/exports").content.decode()
    first, last = re.findall(r'type="date"[^>]* value="([^"]+)"', page)
    assert (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days == 6


# --- Ordering ---------------------------------------------------------------------------------------------
def test_the_form_orders_what_it_estimated(client: Client) -> None:
    stored(number=1)
    matched(account(), number=2)
    answer = order(client, tell="on")
    made = ExportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/exports/{made.public_id}")
    assert (made.estimated_files, made.entries_total, made.tell) == (1, 2, True)
    assert made.criteria == {
        "date_from": "2026-06-01T00:00:00Z",
        "date_to": "2026-06-30T23:59:59.999999Z",
        "campaign_id": None,
        "agent_ids": None,
        "disposition_codes": None,
    }
    assert "1 to 30 Jun 2026" in words(client.get(answer["Location"]))


def test_a_mail_takes_an_address() -> None:
    stored(number=1)
    client = signed_in(email="")
    assert "Your user has no e-mail address" in words(client.get("/exports"))
    order(client, tell="on")
    assert not ExportJob.objects.get().tell


def test_without_anything_to_export_nothing_is_ordered_and_the_page_says_so(client: Client) -> None:
    live(1)
    answer = order(client)
    assert answer.status_code == 422
    assert "Nothing was ordered." in words(answer)
    assert not ExportJob.objects.exists()


def test_a_form_with_a_fault_says_it_at_the_field_and_keeps_the_rest(client: Client) -> None:
    stored(number=1)
    answer = order(client, date_to="2026-08-30", agent=Agent.objects.get().pk)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-describedby="id_date_to-error"' in page
    assert "At most 31 days fit in one export; these are 91." in page
    assert 'value="2026-06-01"' in page
    assert " checked" in page
    assert not ExportJob.objects.exists()


def test_selected_calls_are_ordered_and_only_the_accounts_own(client: Client) -> None:
    calls = [stored(number=1), stored(number=2), stored(account("elsewhere"), number=3)]
    uuids = [*(str(call.uuid) for call in calls[1:]), "not-a-uuid"]
    answer = client.post("/exports/order", {"uuid": uuids})
    made = ExportJob.objects.get()
    assert answer["Location"] == f"/exports/{made.public_id}"
    assert [entry.call for entry in made.entries.all()] == [calls[1]]
    assert "2 selected calls" in words(client.get("/exports"))


def test_selected_calls_without_recordings_are_refused_on_the_page(client: Client) -> None:
    answer = client.post("/exports/order", {"uuid": [str(live(1).uuid)]})
    assert answer.status_code == 422
    assert "None of the selected calls has a recording" in words(answer)
    assert not ExportJob.objects.exists()


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-06-03", "2026-06-03", "3 Jun 2026"),
        ("2026-06-03", "2026-06-09", "3 to 9 Jun 2026"),
        ("2026-05-28", "2026-06-03", "28 May to 3 Jun 2026"),
        ("2025-12-28", "2026-01-03", "28 Dec 2025 to 3 Jan 2026"),
    ],
)
def test_a_period_is_said_briefly(first: str, last: str, said: str) -> None:
    criteria = {"date_from": f"{first}T00:00:00Z", "date_to": f"{last}T23:59:59.999999Z"}
    assert asked([ExportJob(pk=1, criteria=criteria)]) == {1: said}


def test_a_period_by_machine_is_said_to_the_minute() -> None:
    criteria = {"date_from": "2026-06-03T10:30:00Z", "date_to": "2026-06-04T00:00:30Z"}
    assert asked([ExportJob(pk=1, criteria=criteria)]) == {1: "3 Jun 2026, 10:30 to 4 Jun 2026, 00:00"}


# --- The list ---------------------------------------------------------------------------------------------
def test_the_list_is_paged_by_key_and_loses_and_repeats_none(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders_page, "PER_PAGE", 2)
    stored(number=1)
    made = [ordered().public_id for _ in range(5)]
    seen, address = [], "/exports"
    while address:
        page = client.get(address).content.decode()
        seen += re.findall(r'href="/exports/(exp_\w+)"', page)
        older = re.search(r'href="(/exports\?before=\d+)#exports">Older', page)
        address = older[1] if older else ""
    assert seen == made[::-1]


def test_an_account_without_exports_is_told_how_to_begin(client: Client) -> None:
    stored(account("elsewhere"), number=1)
    ordered(june(account("elsewhere")))
    assert "No exports yet" in words(client.get("/exports"))


# --- Cost -------------------------------------------------------------------------------------------------
def cost(client: Client, address: str, asked: Any = None) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address, asked, headers=HTMX).status_code == 200
    return len(queries)


def test_every_page_takes_the_same_few_queries_however_much_there_is(client: Client) -> None:
    spring = Campaign.objects.create(sub_tenant=account(), name="Spring")
    counts = []
    for first, last in ((0, 3), (3, 12)):
        for number in range(first, last):
            stored(number=number, agent=agent(account(), f"{number}", f"Agent {number}"), campaign=spring)
            matched(account(), 100 + number)
        for _ in range(last):
            job = ordered(june(agent_ids=tuple(Agent.objects.values_list("pk", flat=True))))
            ids = list(Agent.objects.values_list("pk", flat=True))
            ExportJob.objects.filter(pk=job.pk).update(criteria={"agent_ids": ids, "campaign_id": spring.pk})
        asked = {**JUNE, "agent": ids, "campaign": spring.pk}
        waiting = cost(client, address(job, "/standing"))
        while work.run_one(ExportJob):
            pass
        counts.append(
            [
                cost(client, "/exports", asked),
                cost(client, "/exports/estimate", asked),
                cost(client, "/exports/agents", asked),
                waiting,
                cost(client, address(job)),
            ]
        )
    assert counts[0] == counts[1]
    assert max(counts[0]) <= 15
