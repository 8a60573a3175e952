"""GET /api/telesales/recordings: an account's recordings, filtered and page by page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls import selectors
from calls.filters import RecordingFilter, unknown_in
from calls.models import Agent, Call, Campaign, Recording
from partners.models import Role
from tests.support import factories, recordings
from tests.surfaces.telesales.conftest import RECORDINGS, Account


@pytest.fixture
def day(account: Account) -> Account:
    """Three further calls of 2026-06-01, by two agents."""
    people = {"one": ("101", "Ada Lovelace"), "two": ("102", "Grace Hopper")}
    calls = [
        ("morning", "one", "2026-06-01T08:00:00Z", "+12025550123", "SALE-OK"),
        ("noon", "two", "2026-06-01T12:00:00Z", "+4930111222", "CALLBACK_REQ"),
        ("evening", "one", "2026-06-01T20:00:00.500Z", "+12025550999", "SALE-OK"),
    ]
    factories.ingest(
        account.provisioned,
        *(
            factories.item(
                id_,
                call={
                    "start_time": start,
                    "end_time": "2026-06-01T23:00:00Z",
                    "contact_number": phone,
                },
                agent={"id": agent, "name": people[agent][1]},
                customer={"disposition_status": code},
            )
            for id_, agent, start, phone, code in calls
        ),
    )
    for id_, (extension, _) in people.items():
        Agent.objects.filter(external_id=id_).update(extension=extension)
    return account


def shown(account: Account, query: Any = None, **options: Any) -> list[str]:
    """The calls of the page, by the partner's ids."""
    answer = account.get(RECORDINGS, query, **options)
    assert answer.status_code == 200, answer.content
    names = {str(call.uuid): call.external_id for call in Call.objects.all()}
    return [names[row["uuid"]] for row in answer.json()["data"]]


# --- A row ------------------------------------------------------------------------------------------------
def test_a_row_tells_of_the_call_and_its_recording(account: Account) -> None:
    campaign = Campaign.objects.create(sub_tenant=account.call.sub_tenant, name="Spring")
    Call.objects.update(campaign=campaign)
    Agent.objects.update(extension="101")
    recordings.keep_until(account.call, timezone.now().replace(year=2036, microsecond=0))

    (row,) = account.get(RECORDINGS).json()["data"]

    agent = Agent.objects.get()
    expires_at = row.pop("expires_at")
    assert expires_at.startswith("2036-")
    assert row == {
        "uuid": str(account.call.uuid),
        "started_at": "2023-01-01T10:00:00Z",
        "ended_at": "2023-01-01T10:30:00Z",
        "duration": 1.0,
        "agent": {"id": agent.pk, "extension": "101", "name": "John Doe"},
        "campaign_id": campaign.pk,
        "disposition_code": "interested",
        "phone": "+1234567890",
        "recording": "available",
        "held": False,
        "bytes": len(account.wav),
    }


def _hold(account: Account) -> None:
    recordings.expire(account.call)
    recordings.hold(account.call)


@pytest.mark.parametrize(
    ("make", "standing"),
    [
        (lambda account: None, "available"),
        (lambda account: recordings.expire(account.call), "expired"),
        (lambda account: recordings.purge(account.call), "expired"),
        (_hold, "available"),
        (lambda account: Recording.objects.update(state="due"), "queued"),
        (lambda account: Recording.objects.update(state="poison"), "failed"),
    ],
)
def test_a_row_says_how_the_recording_stands(
    account: Account, make: Callable[[Account], None], standing: str
) -> None:
    make(account)

    (row,) = account.get(RECORDINGS).json()["data"]

    assert row["recording"] == standing
    assert (account.get(account.url).status_code == 200) == (standing == "available")


# --- Filters ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["evening", "noon", "morning", "call123"]),
        ({"date_from": "2026-06-01T12:00:00Z"}, ["evening", "noon"]),
        ({"date_to": "2026-06-01T12:00:00Z"}, ["noon", "morning", "call123"]),
        (
            {"date_from": "2026-06-01T08:00:00+00:00", "date_to": "2026-06-01T08:00:00.000Z"},
            ["morning"],
        ),
        ({"disposition_codes": "SALE-OK"}, ["evening", "morning"]),
        ({"disposition_codes[]": ["SALE-OK", "CALLBACK_REQ"]}, ["evening", "noon", "morning"]),
        ({"phone": "+1202555"}, ["evening", "morning"]),
        ({"phone": "1 (202) 555-0999"}, ["evening"]),
        ({"phone": "2025550999"}, []),
        ({"agent_name": "ada"}, ["evening", "morning"]),
        ({"agent_name": "Lovelace"}, []),
        ({"agent_name": "%"}, []),
        ({"text": "GRACE"}, ["noon"]),
        ({"text": "+4930"}, ["noon"]),
        ({"text": "102"}, ["noon"]),
        ({"text": "even"}, ["evening"]),
        ({"text": "vening"}, []),
        ({"text": "SALE"}, []),
        ({"text": "ada", "phone": "+12025550999"}, ["evening"]),
    ],
    ids=str,
)
def test_a_filter_leaves_what_it_names(day: Account, query: dict[str, Any], expected: list[str]) -> None:
    assert shown(day, query) == expected


@pytest.mark.parametrize("length", [1, 7, 8, 9, 13, 36])
def test_the_beginning_of_a_uuid_finds_the_call(day: Account, length: int) -> None:
    call = Call.objects.get(external_id="noon")

    assert "noon" in shown(day, {"text": str(call.uuid)[:length].upper()})
    assert shown(day, {"text": str(call.uuid)}) == ["noon"]


def test_agents_and_a_campaign_are_named_by_our_ids(day: Account) -> None:
    one, two = (Agent.objects.get(external_id=id_).pk for id_ in ("one", "two"))
    campaign = Campaign.objects.create(sub_tenant=day.call.sub_tenant, name="Spring")
    Call.objects.filter(external_id="noon").update(campaign=campaign)

    assert shown(day, {"agent_ids": one}) == ["evening", "morning"]
    assert shown(day, {"agent_ids[]": [one, two]}) == ["evening", "noon", "morning"]
    assert shown(day, {"campaign_id": campaign.pk}) == ["noon"]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        (
            {"date_from": "2026-06-01T00:00:00Z", "date_to": "2026-07-02T00:00:01Z"},
            {"date_to": ["The date_from..date_to range may not exceed 31 days."]},
        ),
        (
            {"date_from": "2026-06-02T00:00:00Z", "date_to": "2026-06-01T00:00:00Z"},
            {"date_to": ["The date_to field must be a time after or equal to date_from."]},
        ),
        (
            {"date_from": "2026-06-01", "date_to": "2026-06-01T00:00:00+02:00"},
            {
                "date_from": ["The date_from field must be an ISO 8601 time in UTC."],
                "date_to": ["The date_to field must be an ISO 8601 time in UTC."],
            },
        ),
        (
            {"agent_ids": ["999999", "999998"]},
            {"agent_ids": ["Unknown agent: 999999.", "Unknown agent: 999998."]},
        ),
        ({"agent_ids": "x"}, {"agent_ids.0": ["The agent_ids.0 field must be an integer."]}),
        ({"campaign_id": "999999"}, {"campaign_id": ["Unknown campaign: 999999."]}),
        (
            {"disposition_codes": ["SALE-OK", "NO-SUCH"]},
            {"disposition_codes": ["Unknown disposition code: NO-SUCH."]},
        ),
        ({"text": "a\0b"}, {"text": ["The text field must not contain the character U+0000."]}),
    ],
    ids=str,
)
def test_a_filter_that_names_what_is_not_there_is_refused(
    day: Account, query: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    answer = day.get(RECORDINGS, query)

    assert answer.status_code == 422
    assert answer.json() == {"message": "The given data was invalid.", "errors": errors}


def test_31_days_may_be_asked_for(day: Account) -> None:
    query = {"date_from": "2026-06-01T00:00:00Z", "date_to": "2026-07-02T00:00:00Z"}

    assert shown(day, query) == ["evening", "noon", "morning"]


def test_what_another_account_has_is_unknown_here(day: Account) -> None:
    other = factories.provisioned(sub_tenant="elsewhere")
    factories.ingest(other, factories.item("x", agent={"id": "x"}, customer={"disposition_status": "THEIRS"}))
    agent = Agent.objects.get(external_id="x")
    campaign = Campaign.objects.create(sub_tenant=other.sub_tenant, name="Theirs")
    wanted = RecordingFilter(
        sub_tenant=day.call.sub_tenant,
        agent_ids=(agent.pk, agent.pk),
        campaign_id=campaign.pk,
        disposition_codes=("THEIRS", "SALE-OK"),
    )

    with CaptureQueriesContext(connection) as queries:
        unknown = unknown_in(wanted)

    assert len(queries) == 3
    assert unknown == {
        "agent_ids": [str(agent.pk)],
        "campaign_id": [str(campaign.pk)],
        "disposition_codes": ["THEIRS"],
    }
    assert "x" not in shown(day)


# --- Who --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPERVISOR, Role.READ_ONLY])
def test_all_of_the_account_is_listed_to_who_may_hear_it(day: Account, role: str) -> None:
    assert len(shown(day, role=role)) == 4


def test_an_agent_sees_the_own_calls(day: Account) -> None:
    day.clients[Role.AGENT] = factories.bearer(factories.tokens.issue_to_person(user=day.agent))

    assert shown(day, role=Role.AGENT) == ["call123"]


def test_a_call_that_is_not_recorded_is_not_listed(day: Account) -> None:
    Recording.objects.filter(call__external_id="noon").delete()

    assert "noon" not in shown(day)


# --- Pages and cost ---------------------------------------------------------------------------------------
def test_it_comes_in_pages(day: Account) -> None:
    answer = day.get(RECORDINGS, {"per_page": 3, "page": 2}).json()

    assert (answer["current_page"], answer["last_page"], answer["per_page"]) == (2, 2, 3)
    assert (answer["total"], answer["total_is_capped"], len(answer["data"])) == (4, False, 1)


@pytest.mark.parametrize("query", [{"page": 0}, {"per_page": 201}, {"per_page": "x"}])
def test_a_page_that_cannot_be_is_refused(account: Account, query: dict[str, Any]) -> None:
    assert account.get(RECORDINGS, query).status_code == 422


def test_a_page_takes_as_many_queries_whatever_it_holds(day: Account) -> None:
    """Token, page, count."""
    day.get(RECORDINGS)

    with CaptureQueriesContext(connection) as queries:
        day.get(RECORDINGS, {"per_page": 4, "date_from": "2020-01-01T00:00:00Z"})

    assert len(queries) == 3


def test_the_filter_reads_a_period_off_its_index(day: Account) -> None:
    end = timezone.now()
    wanted = RecordingFilter(day.call.sub_tenant, date_from=end - timedelta(days=31), date_to=end)

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # four rows are read faster without an index
        plan = selectors.matching(wanted)[:50].explain()

    assert "call_sub_tenant_started" in plan
