"""GET and HEAD /api/telesales/recordings/{uuid}: playing a recording."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import AccessRecord, Agent, Recording
from partners.models import AccessToken, Role
from tests.support import factories, recordings
from tests.surfaces.telesales.conftest import RECORDINGS, Account
from zipingest.storage import default_storage

NOT_FOUND = {"message": "Recording not found.", "error_code": "RECORDING_NOT_FOUND"}


def heard() -> list[tuple[str, str]]:
    return list(AccessRecord.objects.order_by("id").values_list("actor", "kind"))


# --- What is sent -----------------------------------------------------------------------------------------
def test_the_recording_comes_whole_under_the_headers_of_the_contract(account: Account) -> None:
    answer = account.get(account.url)

    assert (answer.status_code, answer.getvalue()) == (200, account.wav)
    assert {name: answer[name] for name in ("Content-Type", "Accept-Ranges", "Content-Length")} == {
        "Content-Type": "audio/wav",
        "Accept-Ranges": "bytes",
        "Content-Length": str(len(account.wav)),
    }
    assert answer["Cache-Control"] == "private, max-age=3600"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Content-Disposition" not in answer


def test_a_head_says_the_same_and_sends_nothing(account: Account) -> None:
    got, head = account.get(account.url), account.head(account.url)

    assert (head.status_code, head.content) == (200, b"")
    per_request = ("X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    assert {name: head[name] for name in got.headers if name not in per_request} == {
        name: value for name, value in got.headers.items() if name not in per_request
    }


def test_the_player_gets_the_part_it_asks_for(account: Account) -> None:
    answer = account.get(account.url, Range="bytes=100-199")

    assert (answer.status_code, answer.getvalue()) == (206, account.wav[100:200])
    assert answer["Content-Range"] == f"bytes 100-199/{len(account.wav)}"
    assert answer["Cache-Control"] == "private, max-age=3600"


# --- What is not there ------------------------------------------------------------------------------------
def _never_stored(account: Account) -> str:
    Recording.objects.update(state="due")
    return account.url


def _without_a_recording(account: Account) -> str:
    Recording.objects.all().delete()
    return account.url


def _lost_from_the_store(account: Account) -> str:
    default_storage().delete(Recording.objects.get().key)
    return account.url


def _of_another_account(account: Account) -> str:
    other = factories.provisioned(sub_tenant="elsewhere")
    factories.ingest(other, factories.item("elsewhere"))
    call = factories.call(other, "elsewhere")
    recordings.store(call, b"RIFF")
    return f"{RECORDINGS}/{call.uuid}"


@pytest.mark.parametrize("kind", ["", "/download"])
@pytest.mark.parametrize(
    "make",
    [
        _never_stored,
        _without_a_recording,
        _lost_from_the_store,
        _of_another_account,
        lambda _: f"{RECORDINGS}/{uuid.uuid4()}",
    ],
)
def test_what_is_not_there_is_not_found_and_no_listen(
    account: Account, make: Callable[[Account], str], kind: str
) -> None:
    answer = account.get(make(account) + kind)

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert answer["Cache-Control"] == "no-store"
    assert heard() == []


@pytest.mark.parametrize("id_", ["1", "093e1024", "not-a-uuid", "../etc/passwd", "%00"])
def test_what_is_no_uuid_is_not_found(account: Account, id_: str) -> None:
    assert account.get(f"{RECORDINGS}/{id_}").status_code == 404


# --- Retention --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["", "/download"])
def test_it_is_gone_from_the_moment_its_window_passes(account: Account, kind: str) -> None:
    ended = datetime(2026, 3, 1, tzinfo=UTC)
    recordings.keep_until(account.call, ended)

    answer = account.get(account.url + kind)

    assert (answer.status_code, answer.json()) == (
        410,
        {"message": "Recording has exceeded the retention window.", "expired_at": "2026-03-01T00:00:00Z"},
    )
    assert answer["Cache-Control"] == "no-store"
    assert heard() == []


def test_a_second_before_it_still_plays(account: Account) -> None:
    recordings.keep_until(account.call, timezone.now() + timedelta(seconds=30))

    assert account.get(account.url).status_code == 200


def test_a_purged_one_is_gone_too(account: Account) -> None:
    recordings.expire(account.call)
    recordings.purge(account.call)

    assert account.get(account.url).status_code == 410


def test_an_erased_one_is_gone_since_it_was_erased(account: Account) -> None:
    recordings.purge(account.call)

    answer = account.get(account.url)

    assert answer.status_code == 410
    erased_at = Recording.objects.get().purged_at
    assert erased_at is not None
    assert answer.json()["expired_at"] == erased_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_hold_lets_it_play_beyond_its_window_and_no_browser_keep_it(account: Account) -> None:
    recordings.expire(account.call)
    recordings.hold(account.call)

    answer = account.get(account.url)

    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, max-age=0")


def test_a_released_hold_holds_nothing(account: Account) -> None:
    recordings.expire(account.call)
    held = recordings.hold(account.call)
    held.released_at = timezone.now()
    held.save()

    assert account.get(account.url).status_code == 410


def test_no_browser_keeps_it_beyond_its_window(account: Account) -> None:
    recordings.keep_until(account.call, timezone.now() + timedelta(seconds=600))

    seconds = int(account.get(account.url)["Cache-Control"].removeprefix("private, max-age="))

    assert 570 <= seconds <= 600


# --- Who --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPERVISOR, Role.READ_ONLY])
def test_whoever_hears_all_of_the_account_hears_it(account: Account, role: str) -> None:
    assert account.get(account.url, role=role).status_code == 200


def test_an_agent_hears_the_own_calls(account: Account) -> None:
    account.clients[Role.AGENT] = factories.bearer(factories.tokens.issue_to_person(user=account.agent))

    assert account.get(account.url, role=Role.AGENT).status_code == 200


@pytest.mark.parametrize("spoken_by", ["another agent", "nobody known"])
def test_an_agent_is_refused_the_calls_of_others(account: Account, spoken_by: str) -> None:
    if spoken_by == "nobody known":
        Agent.objects.update(user=None)

    answer = account.get(account.url, role=Role.AGENT)

    assert (answer.status_code, answer.json()) == (403, {"message": "This action is unauthorized."})
    assert heard() == []


# --- The audit --------------------------------------------------------------------------------------------
def test_a_listen_is_noted_once_in_ten_minutes_for_each_person(account: Account) -> None:
    for role in (Role.ADMIN, Role.SUPERVISOR):
        for start in (0, 100, 200):
            account.get(account.url, role=role, Range=f"bytes={start}-").getvalue()

    assert [kind for _, kind in heard()] == ["listen", "listen"]
    assert len({actor for actor, _ in heard()}) == 2


def test_the_audit_says_who_what_from_where_and_under_which_request(account: Account) -> None:
    headers = factories.bearer(factories.tokens.issue_to_person(user=account.agent))

    answer = Client().get(account.url, headers=headers, REMOTE_ADDR="192.0.2.7")

    record = AccessRecord.objects.get()
    assert (record.actor, record.user, record.call) == ("agent", account.agent, account.call)
    assert (record.address, record.request_id) == ("192.0.2.7", answer["X-Request-Id"])
    assert record.sub_tenant == account.call.sub_tenant


def test_a_machine_is_noted_by_its_tokens_name(account: Account) -> None:
    machine = factories.make_machine(Role.SUPERVISOR)

    assert Client().get(account.url, headers=machine).status_code == 200
    token = AccessToken.objects.get(user=None)
    assert heard() == [(f"machine ({token.pk})", "listen")]


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("head", {}, 200),
        ("get", {"Range": "bytes=999999999-"}, 416),
        ("get", {"If-None-Match": "*"}, 304),
        ("get", {"If-Match": '"another"'}, 412),
    ],
)
def test_what_moves_no_audio_is_no_listen(
    account: Account, method: str, headers: dict[str, str], status: int
) -> None:
    assert getattr(account, method)(account.url, **headers).status_code == status
    assert heard() == []


# --- The cost ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["", "/download"])
@pytest.mark.parametrize("standing", ["kept", "expired but held"])
def test_a_request_takes_three_queries(account: Account, kind: str, standing: str) -> None:
    """Token and person; call, recording, agent, account and hold; the audit's row.

    Apart from these, a token's last use is written once a minute, here by the request before.
    """
    if standing != "kept":
        recordings.expire(account.call)
        recordings.hold(account.call)
    account.get(account.url + kind).getvalue()

    with CaptureQueriesContext(connection) as queries:
        answer = account.get(account.url + kind, Range="bytes=0-99")

    assert answer.status_code == 206
    asked = [query["sql"] for query in queries]
    assert len(asked) == 3, asked
