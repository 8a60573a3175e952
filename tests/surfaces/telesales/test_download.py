"""GET and HEAD /api/telesales/recordings/{uuid}/download: a recording to keep."""

from datetime import datetime, timedelta, timezone

import pytest

from calls.models import AccessRecord, Call
from partners.models import Role
from tests.support import factories
from tests.surfaces.telesales.conftest import Account


def test_it_comes_as_a_file_named_by_the_call_and_its_day(account: Account) -> None:
    answer = account.get(f"{account.url}/download")

    assert (answer.status_code, answer.getvalue()) == (200, account.wav)
    name = f"call-{str(account.call.uuid)[:8]}-2023-01-01.wav"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["Content-Type"] == "audio/wav"
    assert answer["Content-Length"] == str(len(account.wav))
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_day_is_that_of_utc(account: Account) -> None:
    tokyo = timezone(timedelta(hours=9))
    Call.objects.update(started_at=datetime(2026, 6, 7, 8, 59, tzinfo=tokyo))

    assert "2026-06-06.wav" in account.get(f"{account.url}/download")["Content-Disposition"]


def test_no_cache_keeps_it_so_that_every_download_is_seen(account: Account) -> None:
    assert account.get(f"{account.url}/download")["Cache-Control"] == "no-store"


def test_a_broken_download_is_taken_up_where_it_ended(account: Account) -> None:
    first = account.get(f"{account.url}/download").getvalue()[:1000]
    etag = account.head(f"{account.url}/download")["ETag"]

    rest = account.get(f"{account.url}/download", Range="bytes=1000-", If_Range=etag)

    assert rest.status_code == 206
    assert first + rest.getvalue() == account.wav


def test_every_download_is_noted(account: Account) -> None:
    for _ in range(2):
        account.get(f"{account.url}/download").getvalue()
    account.head(f"{account.url}/download")

    assert [record.kind for record in AccessRecord.objects.all()] == ["download"] * 2


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.ADMIN, 200), (Role.SUPERVISOR, 200), (Role.AGENT, 403), (Role.READ_ONLY, 403)],
)
def test_who_downloads(account: Account, role: str, status: int) -> None:
    """The agent here is not the one who spoke."""
    answer = account.get(f"{account.url}/download", role=role)

    assert answer.status_code == status
    assert AccessRecord.objects.count() == (status == 200)


def test_an_agent_downloads_the_own_calls(account: Account) -> None:
    account.clients[Role.AGENT] = factories.bearer(factories.tokens.issue_to_person(user=account.agent))

    assert account.get(f"{account.url}/download", role=Role.AGENT).status_code == 200
