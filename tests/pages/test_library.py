"""The library: an account's calls by filter, page by page, and what may be done with each."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from calls.models import Agent, Call, Campaign, DispositionCode, Recording
from partners.models import Role, SubTenant
from tests.exports.support import agent, matched, stored
from tests.pages.library import shown, signed_in, text
from tests.support import factories, recordings

HTMX = {"HX-Request": "true"}


@pytest.fixture
def day(account: SubTenant) -> dict[str, Call]:
    """Three calls of 2026-06-01, by two agents."""
    ada, grace = agent(account, "101", "Ada Lovelace"), agent(account, "102", "Grace Hopper")
    spring = Campaign.objects.create(sub_tenant=account, name="Spring")
    for code in ("SALE-OK", "CALLBACK"):
        DispositionCode.objects.create(sub_tenant=account, code=code)
    one = {"agent": ada, "disposition": "SALE-OK"}
    return {
        "morning": stored(account, 0, customer_phone="+12025550123", external_id="dw-1", **one),
        "noon": stored(account, 200, agent=grace, disposition="CALLBACK", campaign=spring),
        "evening": stored(account, 800, customer_phone="+12025550999", **one),
    }


def names(answer: HttpResponse, day: dict[str, Call]) -> list[str]:
    by_uuid = {str(call.uuid): name for name, call in day.items()}
    return [by_uuid[each] for each in shown(answer)]


# --- A row ------------------------------------------------------------------------------------------------
def test_a_row_tells_of_the_call(day: dict[str, Call]) -> None:
    call = day["noon"]
    Recording.objects.filter(call=call).update(duration_seconds=3723.4)

    page = text(signed_in().get("/library"))

    for words in ("Grace Hopper (102)", call.customer_phone, "Spring", "CALLBACK", "1:02:03", "Available"):
        assert words in page
    assert "1 Jun 2026, 12:50" in page
    assert f"/api/telesales/recordings/{call.uuid}/download" in page
    assert f'hx-get="/library/{call.uuid}/player"' in page


def _expires_soon(call: Call) -> None:
    recordings.keep_until(call, timezone.now() + timedelta(days=2))


def _held(call: Call) -> None:
    recordings.expire(call)
    recordings.hold(call)


def _state(**fields: Any) -> Callable[[Call], None]:
    return lambda call: Recording.objects.filter(call=call).update(**fields) and None


def _without_recording(call: Call) -> None:
    Recording.objects.filter(call=call).delete()
    Call.objects.filter(pk=call.pk).update(ended_at=timezone.now())


@pytest.mark.parametrize(
    ("make", "words", "is_given"),
    [
        (lambda call: None, "Available", True),
        (_expires_soon, "Expires soon", True),
        (_held, "Held", True),
        (recordings.expire, "Expired", False),
        (recordings.purge, "Expired", False),
        (_state(state="due"), "Still fetching", False),
        (_state(state="leased"), "Still fetching", False),
        (_state(state="failed"), "Failed", False),
        (_state(state="poison"), "Failed", False),
        (lambda call: Recording.objects.filter(call=call).delete() and None, "In progress", False),
        (_without_recording, "No recording", False),
    ],
)
def test_a_row_says_how_the_recording_stands_and_plays_what_may_be_given(
    account: SubTenant, make: Callable[[Call], None], words: str, is_given: bool
) -> None:
    call = stored(account)
    make(call)

    page = text(signed_in().get("/library"))

    assert re.search(rf'<span class="badge \w*">{words}</span>', page)
    assert ('/player"' in page, '/download"' in page) == (is_given, is_given)


# --- Filters ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["evening", "noon", "morning"]),
        ({"date_from": "2026-06-01", "date_to": "2026-06-01"}, ["evening", "noon", "morning"]),
        ({"date_from": "2026-06-02"}, []),
        ({"date_to": "2026-05-31"}, []),
        ({"campaign": "Spring"}, ["noon"]),
        ({"agent": ["101"]}, ["evening", "morning"]),
        ({"agent": ["101", "102"]}, ["evening", "noon", "morning"]),
        ({"disposition": "CALLBACK"}, ["noon"]),
        ({"disposition": ["CALLBACK", "SALE-OK"]}, ["evening", "noon", "morning"]),
        ({"phone": "1 (202) 555-0999"}, ["evening"]),
        ({"text": "ada"}, ["evening", "morning"]),
        ({"text": "102"}, ["noon"]),
        ({"text": "dw-"}, ["morning"]),
        ({"text": "+12025550123"}, ["morning"]),
        ({"text": "Lovelace"}, []),
        ({"agent": ["101"], "text": "dw-1", "campaign": ""}, ["morning"]),
    ],
    ids=str,
)
def test_a_filter_leaves_what_it_names(
    day: dict[str, Call], query: dict[str, Any], expected: list[str]
) -> None:
    query = dict(query)
    if query.get("campaign"):
        query["campaign"] = Campaign.objects.get(name=query["campaign"]).pk
    if "agent" in query:
        query["agent"] = [Agent.objects.get(extension=number).pk for number in query["agent"]]

    assert names(signed_in().get("/library", query), day) == expected


def test_a_uuid_finds_its_call(day: dict[str, Call]) -> None:
    assert names(signed_in().get("/library", {"text": str(day["noon"].uuid)}), day) == ["noon"]


@pytest.mark.parametrize(
    ("zone", "expected"), [("", 2), ("America/New_York", 1), ("Pacific/Auckland", 1), ("No/where", 2)]
)
def test_a_day_is_one_of_the_viewers_zone(account: SubTenant, zone: str, expected: int) -> None:
    for hour in (2, 20):
        stored(account, hour, started_at=datetime(2026, 6, 1, hour, tzinfo=UTC))

    answer = signed_in(zone=zone).get("/library", {"date_from": "2026-06-01", "date_to": "2026-06-01"})

    assert len(shown(answer)) == expected
    assert f"Times are in {zone if zone and zone != 'No/where' else 'UTC'}" in text(answer)


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"date_from": "yesterday"}, "date_from", "Enter a day as year-month-day, such as 2026-06-30."),
        ({"date_to": "9999-12-31"}, "date_to", "Enter a day between 1970 and 2100."),
        (
            {"date_from": "2026-06-02", "date_to": "2026-06-01"},
            "date_to",
            "The last day is before the first.",
        ),
        ({"campaign": "99"}, "campaign", "There is no such campaign."),
        ({"campaign": "9" * 40}, "campaign", "There is no such campaign."),
        ({"agent": "nobody"}, "agent", "There is no agent nobody."),
        ({"agent": "9" * 40}, "agent", f"There is no agent {'9' * 40}."),
        ({"disposition": "<b>"}, "disposition", "There is no disposition &lt;b&gt;."),
        ({"phone": "1\0"}, "phone", "Null characters are not allowed."),
        ({"text": "x" * 256}, "text", "Ensure this value has at most 255 characters (it has 256)."),
    ],
)
def test_a_wrong_value_is_named_at_its_field_and_the_page_stays(
    day: dict[str, Call], query: dict[str, str], field: str, words: str
) -> None:
    page = text(signed_in().get("/library", query))

    assert f'<p class="wrong" id="{field}-error">{words}</p>' in page
    assert "aria-invalid" in page
    assert "The filter is not valid" in page
    assert 'id="filters"' in page
    assert "<tbody" not in page


def test_another_accounts_agents_codes_and_campaigns_are_not_offered(day: dict[str, Call]) -> None:
    elsewhere = factories.account("elsewhere")
    theirs = agent(elsewhere, "7", "Theirs")
    DispositionCode.objects.create(sub_tenant=elsewhere, code="THEIR-CODE")
    Campaign.objects.create(sub_tenant=elsewhere, name="Their campaign")
    client = signed_in()

    assert "Their" not in text(client.get("/library"))
    assert "There is no agent" in text(client.get("/library", {"agent": theirs.pk}))


def test_what_was_asked_stands_in_the_form_again(day: dict[str, Call]) -> None:
    ada = Agent.objects.get(extension="101")
    query = {"date_from": "2026-06-01", "agent": ada.pk, "disposition": "SALE-OK", "phone": '+1"2'}

    page = text(signed_in().get("/library", query))

    assert 'value="2026-06-01"' in page
    assert f'name="agent" value="{ada.pk}" checked' in page
    assert 'name="disposition" value="SALE-OK" checked' in page
    assert 'value="+1&quot;2"' in page


# --- For htmx ---------------------------------------------------------------------------------------------
def test_htmx_gets_the_list_alone_and_the_address_to_keep(day: dict[str, Call]) -> None:
    query = {"date_from": "", "text": "ada", "campaign": "", "before": ""}
    answer = signed_in().get("/library", query, headers=HTMX)

    assert names(answer, day) == ["evening", "morning"]
    assert "<html" not in text(answer)
    assert answer["HX-Push-Url"] == "/library?text=ada"


def test_going_back_gets_the_whole_page(day: dict[str, Call]) -> None:
    headers = {**HTMX, "HX-History-Restore-Request": "true"}

    assert "<html" in text(signed_in().get("/library", headers=headers))


def test_a_wrong_filter_takes_htmx_to_the_page_that_says_so(account: SubTenant) -> None:
    answer = signed_in().get("/library?campaign=99", headers=HTMX)

    assert answer["HX-Redirect"] == "/library?campaign=99"


# --- Who sees what ----------------------------------------------------------------------------------------
def test_an_agent_sees_the_own_calls_only(day: dict[str, Call]) -> None:
    user = factories.person(Role.AGENT)
    Agent.objects.filter(extension="102").update(user=user)
    client = Client()
    client.force_login(user)

    answer = client.get("/library")

    assert names(answer, day) == ["noon"]
    assert 'name="agent"' not in text(answer)
    assert names(client.get("/library", {"agent": "9"}), day) == ["noon"]


def test_an_agent_whom_no_call_knows_sees_none(day: dict[str, Call]) -> None:
    assert "No calls yet" in text(signed_in(Role.AGENT).get("/library"))


def test_calls_of_another_account_are_not_listed(day: dict[str, Call]) -> None:
    stored(factories.account("elsewhere"), 900)

    assert len(shown(signed_in().get("/library"))) == 3


@pytest.mark.parametrize(
    ("role", "downloads", "exports"),
    [(Role.ADMIN, True, True), (Role.SUPERVISOR, True, True), (Role.READ_ONLY, False, False)],
)
def test_only_what_a_role_may_is_offered(
    day: dict[str, Call], role: str, downloads: bool, exports: bool
) -> None:
    page = text(signed_in(role).get("/library"))

    assert '/player"' in page
    assert ('/download"' in page) == downloads
    assert ('name="uuid"' in page) == exports
    assert ("Export selected" in page) == exports


def test_the_export_of_all_that_match_has_the_same_filter(day: dict[str, Call]) -> None:
    query = "date_from=2026-06-01&disposition=CALLBACK&disposition=SALE-OK"

    page = text(signed_in().get(f"/library?{query}&date_to="))

    address = re.search(r'href="([^"]+)">Export all that match', page)[1].replace("&amp;", "&")
    assert urlsplit(address).path == "/exports"
    assert parse_qs(urlsplit(address).query) == parse_qs(query)


def test_what_exports_cannot_be_filtered_by_is_no_export_of_all(day: dict[str, Call]) -> None:
    assert "Export all" not in text(signed_in().get("/library", {"phone": "+1"}))


# --- Nothing to show --------------------------------------------------------------------------------------
def test_an_account_without_calls_is_told_what_will_come(account: SubTenant) -> None:
    assert "No calls yet" in text(signed_in().get("/library"))


def test_a_filter_that_nothing_matches_says_so(account: SubTenant) -> None:
    matched(account)

    page = text(signed_in().get("/library", {"text": "nobody"}))

    assert "No call matches" in page
    assert "No calls yet" not in page
