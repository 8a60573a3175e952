"""The page of one call: its facts, its player, and what happened to it in plain words."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import AccessRecord, Agent, Call, DispositionChange, FetchAttempt, Pause, Recording
from partners.models import Delivery, Role
from tests.exports.support import signalled, told
from tests.support import factories, recordings

STEREO = bytes(range(200))


@pytest.fixture
def call(db: None) -> Call:
    """The seed's call with a stored stereo recording of 100 s, paused once."""
    provisioned = factories.provisioned(name="Dialwell")
    factories.ingest(provisioned, request_id="request-4711")
    call = factories.call(provisioned)
    recordings.store(call, b"RIFF")
    Recording.objects.filter(call=call).update(
        channels=2, duration_seconds=100.0, peaks=STEREO, silences=[[12.5, 30.0]], bytes=3_200_044
    )
    return Call.objects.get(pk=call.pk)


def signed_in(role: str = Role.SUPERVISOR) -> Client:
    client = Client()
    client.force_login(factories.person(role))
    return client


def page(call: Call, role: str = Role.SUPERVISOR, part: str = "") -> str:
    answer = signed_in(role).get(f"/library/{call.uuid}{part}")
    assert answer.status_code == 200, answer.content[:2000]
    return answer.content.decode()


def facts(html: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", html))


def happened(html: str) -> list[str]:
    return re.findall(r"<strong>([^<]*)</strong>", html)


# --- Facts ------------------------------------------------------------------------------------------------
def test_the_facts_of_the_call_are_told(call: Call) -> None:
    assert facts(page(call)) == {
        "Started": "1 Jan 2023, 10:00:00",
        "Ended": "1 Jan 2023, 10:30:00",
        "Duration": "1:40",
        "Agent": "John Doe (agent123)",
        "Phone": "+1234567890",
        "Customer": "Jane Smith",
        "Campaign": "\N{EN DASH}",
        "Disposition": "interested",
        "Sent by": "Dialwell",
        "Call id": "call123",
        "Zipingest id": str(call.uuid),
        "Size": "3.1\xa0MB, 2 channels",
        "Kept until": "No limit",
    }


def test_a_networks_call_tells_who_called_whom_and_in_which_language(call: Call) -> None:
    Call.objects.filter(pk=call.pk).update(our_phone="+18885550100", direction="inbound", language="es-ES")

    told = facts(page(call))

    assert told["Our number"] == "+18885550100"
    assert (told["Direction"], told["Language"]) == ("Inbound", "Spanish (Spain)")


def test_signals_as_they_stand_now_and_custom_data_are_told(call: Call) -> None:
    first = signalled(call, "Sale", False, partner_unique_id="order-7")
    first.is_current = False
    first.save()
    corrected = {"corrects": first, "revenue": Decimal("1234.5"), "partner_unique_id": "order-7"}
    signalled(call, "Sale", created_at=timezone.now(), **corrected)
    signalled(call, "Appointment", False)
    told(call, "region", "West <1>", label="Sales region")
    told(call, "empty", "")

    html = page(call)

    [table] = re.findall(r'<table class="list signals">.*?</table>', html, re.DOTALL)
    rows = [re.sub(r"<[^>]*>|\s+", " ", row).split() for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)]
    assert [" ".join(row) for row in rows] == [
        "Signal Met Revenue When",
        "Appointment No \N{EN DASH} 1 Jun 2026, 09:30",
        "Sale order-7 Yes 1,234.50 1 Jun 2026, 09:30",
    ]
    assert facts(html)["Sales region"] == "West &lt;1&gt;"
    assert "empty" not in facts(html)


def test_where_nothing_was_signalled_nothing_is_said_of_signals(call: Call) -> None:
    for words in ("Signals", "Custom data"):
        assert words not in page(call)


def test_times_are_told_in_the_viewers_zone(call: Call) -> None:
    client = signed_in()
    client.cookies["time_zone"] = "Asia/Kolkata"

    html = client.get(f"/library/{call.uuid}").content.decode()

    assert facts(html)["Started"] == "1 Jan 2023, 15:30:00"
    assert "Times are in Asia/Kolkata" in html


def test_the_end_of_the_window_is_told_also_of_a_held_recording(call: Call) -> None:
    recordings.expire(call)
    recordings.hold(call)

    html = page(call)

    assert "and longer while a legal hold is on it" in facts(html)["Kept until"]
    assert "data-player" in html


# --- The player -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("part", ["", "/player"])
def test_the_player_draws_each_channel_and_names_what_was_paused(call: Call, part: str) -> None:
    html = page(call, part=part)

    assert html.count('<svg class="band ') == 2
    assert re.findall(r'<span class="band-(\w+)">([^<]+)', html) == [
        ("one", "Channel 1"),
        ("two", "Channel 2"),
    ]
    assert '<rect class="paused" x="12.5%" y="0" width="17.5%"' in html
    assert "<title>Paused 0:12 to 0:30</title>" in html
    assert "Recording paused: 0:12 to 0:30" in html


def test_the_player_is_a_slider_that_loads_nothing_by_itself(call: Call) -> None:
    html = page(call)

    slider = re.search(r'<div class="wave"[^>]*>', html)[0]
    for attribute in (
        'role="slider"',
        'tabindex="0"',
        'aria-valuemin="0"',
        'aria-valuemax="100"',
        'aria-valuenow="0"',
        'aria-valuetext="0:00 of 1:40"',
    ):
        assert attribute in slider
    assert f'<audio preload="none" src="/api/telesales/recordings/{call.uuid}"' in html


def test_a_mono_recording_has_one_band(call: Call) -> None:
    Recording.objects.filter(call=call).update(channels=1, silences=[])

    html = page(call)

    assert html.count('<svg class="band ') == 1
    assert ">One channel<" in html
    assert "Recording paused" not in html


def test_a_recording_without_peaks_can_be_played_as_well(call: Call) -> None:
    Recording.objects.filter(call=call).update(peaks=None, channels=None, duration_seconds=None)

    assert "data-player" in page(call)


@pytest.mark.parametrize(("role", "downloads"), [(Role.SUPERVISOR, True), (Role.READ_ONLY, False)])
def test_only_who_may_download_is_offered_to(call: Call, role: str, downloads: bool) -> None:
    assert ("/download" in page(call, role)) == downloads


def test_looking_at_a_page_is_no_listening(call: Call) -> None:
    page(call)
    page(call, part="/player")

    assert not AccessRecord.objects.exists()


# --- Without a recording ----------------------------------------------------------------------------------
def test_a_recording_past_its_window_is_not_played_but_explained(call: Call) -> None:
    recordings.expire(call)

    html = page(call)

    assert "data-player" not in html
    assert "/api/telesales/recordings" not in html
    assert "The recording has passed the account&#x27;s retention" in html
    assert "no longer given out" in page(call, part="/player")


def test_a_removed_recording_is_said_to_be(call: Call) -> None:
    recordings.purge(call)

    assert "The recording was removed." in page(call)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "due"}, "The recording is on its way."),
        ({"state": "poison"}, "The recording could not be fetched."),
    ],
)
def test_a_recording_that_has_not_arrived_is_explained(
    call: Call, fields: dict[str, str], words: str
) -> None:
    Recording.objects.filter(call=call).update(**fields)

    html = page(call)

    assert words in html
    assert "data-player" not in html


@pytest.mark.parametrize(
    ("ended", "words"),
    [(None, "The call is in progress"), (timezone.now(), "The call ended without a recording.")],
)
def test_a_live_call_has_a_page_before_it_has_a_recording(call: Call, ended: object, words: str) -> None:
    Recording.objects.filter(call=call).delete()
    Call.objects.filter(pk=call.pk).update(source="live", partner=None, ended_at=ended)

    assert words in page(call)


# --- What happened ----------------------------------------------------------------------------------------
def _history(call: Call) -> None:
    now = timezone.now()
    FetchAttempt.objects.create(
        recording=call.recording,
        run=1,
        started_at=now,
        duration_ms=120,
        status=404,
        error="storage-7.internal answered 404",
        code="http_404",
        transcript=[{"url": "https://storage-7.internal/x", "status": 404, "headers": {}}],
    )
    Delivery.objects.create(
        partner=call.partner,
        webhook_id=f"msg_internal_{Delivery.objects.count()}",
        subject=call.uuid,
        url="https://hooks.internal/callback",
        body="{}",
        created_at=now,
        due_at=now,
    )
    DispositionChange.objects.create(
        customer=call.customer,
        call=call,
        old="",
        new="SALE-OK",
        note="Wants the yearly plan",
        changed_by="ada",
        changed_at=now,
    )
    Pause.objects.create(
        call=call, paused_at=now, paused_by="ada", resumed_at=now + timedelta(seconds=9), resumed_by="ada"
    )
    AccessRecord.objects.create(
        sub_tenant=call.sub_tenant, actor="maria", call=call, kind="listen", at=now, address="192.0.2.77"
    )
    recordings.hold(call)


def test_what_happened_is_told_in_plain_words(call: Call) -> None:
    _history(call)

    html = page(call)

    told = happened(html)
    for words in (
        "Taken in",
        "Fetch failed: the server answered 404",
        "Callback owed to the partner",
        "Disposition none → SALE-OK",
        "Recording paused",
        "Recording resumed",
        "Legal hold placed",
        "maria listened to it",
    ):
        assert words in told
    assert "Note: Wants the yearly plan" in html


def test_what_is_for_our_own_staff_alone_is_not_told(call: Call) -> None:
    _history(call)

    html = page(call)

    for internal in ("request-4711", ".internal", "192.0.2.77", "msg_internal", "claim 4711", "counsel"):
        assert internal not in html


def test_signals_that_came_later_are_told_and_those_of_the_call_itself_are_not(call: Call) -> None:
    first = signalled(call, "Sale", is_current=False)
    later = call.received_at + timedelta(hours=1)
    signalled(call, "Sale", False, corrects=first, created_at=later)
    fields = {"revenue": Decimal("99.50"), "partner_unique_id": "order-7"}
    signalled(call, "Upsell", created_at=later + timedelta(hours=1), **fields)

    html = page(call)

    told = [words for words in happened(html) if words.startswith("Signal")]
    assert told == ["Signal Sale corrected: not met", "Signal Upsell reported: met"]
    assert "For order-7 · Revenue 99.50" in html


def test_an_export_of_the_call_is_told(call: Call) -> None:
    Call.objects.filter(pk=call.pk).update(last_exported_at=timezone.now())

    assert "Last exported" in happened(page(call))


def test_an_agent_is_not_told_who_listened(call: Call) -> None:
    _history(call)
    user = factories.person(Role.AGENT)
    Agent.objects.update(user=user)
    client = Client()
    client.force_login(user)

    html = client.get(f"/library/{call.uuid}").content.decode()

    assert "Recording paused" in happened(html)
    assert "listened" not in html


# --- The page ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("came_from", "back"),
    [
        ("http://testserver/library?phone=%2B12&amp=1", "/library?phone=%2B12&amp;amp=1"),
        ("http://testserver/library", "/library"),
        ("http://testserver/exports?phone=1", "/library"),
        ("", "/library"),
    ],
)
def test_the_way_back_leads_to_the_list_as_it_was_filtered(call: Call, came_from: str, back: str) -> None:
    answer = signed_in().get(f"/library/{call.uuid}", headers={"referer": came_from})

    assert f'<a href="{back}">← Library</a>' in answer.content.decode()


@pytest.mark.parametrize("path", ["/library", "/library/{}", "/library/{}/player"])
def test_no_page_has_scripts_or_styles_in_it(call: Call, path: str) -> None:
    answer: HttpResponse = signed_in().get(path.format(call.uuid))

    html = answer.content.decode()
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", html)


def test_the_page_asks_a_constant_number_of_queries(call: Call) -> None:
    client = signed_in()
    asked = []
    for name in ("one", "another"):
        _history(call)
        signalled(call, name, created_at=timezone.now())
        told(call, name, name)
        call.holds.update(released_at=timezone.now())
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/library/{call.uuid}")
        asked.append(len(captured))

    assert asked[0] == asked[1] <= 18


def test_a_call_that_is_not_there_is_a_404(call: Call) -> None:
    client = signed_in()
    address = f"/library/{call.uuid}"
    call.delete()

    assert client.get(address).status_code == 404
    assert client.get(f"{address}/player").status_code == 404
