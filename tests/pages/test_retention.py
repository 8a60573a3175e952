"""Retention: what other days would do is shown first; what expires soon is held in one click."""

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import Call, LegalHold, Recording, RetentionChange
from calls.services import holds
from calls.views.retention import PER_PAGE
from partners.models import Role, SubTenant
from tests.exports.support import stored
from tests.support import factories


@pytest.fixture
def client(account: SubTenant) -> Client:
    client = Client()
    client.force_login(factories.person(Role.ADMIN, username="maria"))
    return client


def kept(account: SubTenant, number: int, *, days: float, at: datetime | None = None) -> Call:
    """A stored call whose window began so many days ago."""
    call = stored(account, number)
    since = (at or timezone.now()) - timedelta(days=days)
    Recording.objects.filter(call=call).update(kept_from=since, sub_tenant=account)
    return call


def keep(account: SubTenant, days: int) -> None:
    SubTenant.objects.filter(pk=account.pk).update(retention_days=days)


def days_of(account: SubTenant) -> int | None:
    account.refresh_from_db()
    return account.retention_days


def hold(*calls: Call) -> None:
    ours = Call.objects.filter(pk__in=[call.pk for call in calls])
    holds.place(calls=ours, reason="case 7", placed_by="grace")


def text(answer: HttpResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def expiring(answer: HttpResponse) -> list[str]:
    """The calls that can be held, in their order."""
    return re.findall(r'name="uuid" value="([^"]+)"', answer.content.decode())


# --- Changing it ------------------------------------------------------------------------------------------
def test_a_change_shows_first_what_it_would_do(client: Client, account: SubTenant) -> None:
    first, _, _ = (kept(account, number, days=days) for number, days in enumerate((40, 35, 1)))
    hold(first)

    page = text(client.post("/retention", {"days": "30"}))

    assert "Recordings beyond these days 2" in page
    assert "of these held, and kept 1" in page
    assert "of these never exported 2" in page
    assert days_of(account) is None


def test_only_what_was_shown_is_saved(client: Client, account: SubTenant) -> None:
    client.post("/retention", {"days": "3", "previewed": "30", "save": "1"})
    assert days_of(account) is None

    page = client.post("/retention", {"days": "30", "previewed": "30", "save": "1"}, follow=True)
    assert "Recordings are kept 30 days from now on." in text(page)
    assert days_of(account) == 30
    assert RetentionChange.objects.get().changed_by == "maria"


def test_a_shown_change_carries_what_was_shown(client: Client, account: SubTenant) -> None:
    keep(account, 30)
    page = client.post("/retention", {"days": "", "previewed": "30"}).content.decode()
    assert '<input type="hidden" name="previewed" value="none">' in page
    client.post("/retention", {"days": "", "previewed": "none", "save": "1"})
    assert days_of(account) is None


def test_the_same_days_change_nothing(client: Client, account: SubTenant) -> None:
    keep(account, 30)
    assert "nothing would change" in text(client.post("/retention", {"days": "30"}))


@pytest.mark.parametrize("days", ["0", "-1", "thirty", "36501", "1.5"])
def test_what_are_no_days_is_refused_at_the_field(days: str, client: Client, account: SubTenant) -> None:
    answer = client.post("/retention", {"days": days, "previewed": days, "save": "1"})
    assert answer.status_code == 422
    assert 'id="id_days_error"' in answer.content.decode()
    assert days_of(account) is None


# --- Expiring soon ----------------------------------------------------------------------------------------
def test_it_lists_what_expires_within_seven_days_the_next_first(client: Client, account: SubTenant) -> None:
    keep(account, 30)
    late, next_one, _, _, held = (
        kept(account, number, days=days) for number, days in enumerate((24, 29, 31, 22, 28))
    )
    hold(held)
    keep(elsewhere := factories.account("elsewhere"), 30)
    kept(elsewhere, 9, days=29)

    assert expiring(client.get("/retention")) == [str(next_one.uuid), str(late.uuid)]


def test_its_pages_hold_each_recording_once(client: Client, account: SubTenant) -> None:
    keep(account, 30)
    # Of one instant: what decides their order is their key.
    calls = [kept(account, number, days=25) for number in range(PER_PAGE + 3)]
    Recording.objects.update(kept_from=timezone.now() - timedelta(days=25))

    first = client.get("/retention")
    place = re.search(r'href="\?after=([^"#]+)#soon"', first.content.decode())
    assert place
    second = client.get(f"/retention?after={place[1]}")

    assert expiring(first) + expiring(second) == [str(call.uuid) for call in calls]
    assert "after=" not in second.content.decode()


@pytest.mark.parametrize("query", ["after=x", "after=00010101T000000.0-1", "before=x", f"before={9**40}"])
def test_an_address_that_nobody_gave_shows_the_first_page(
    query: str, client: Client, account: SubTenant
) -> None:
    keep(account, 30)
    call = kept(account, 0, days=25)
    assert expiring(client.get(f"/retention?{query}")) == [str(call.uuid)]


def test_a_call_is_held_in_one_click(client: Client, account: SubTenant) -> None:
    keep(account, 30)
    call = kept(account, 0, days=29)

    page = client.post("/retention/holds", {"uuid": call.uuid}, follow=True)

    placed = LegalHold.objects.get()
    assert (placed.call, placed.placed_by) == (call, "maria")
    assert expiring(page) == []
    assert "kept from expiring maria" in text(page)


def test_what_is_gone_is_not_held_and_the_page_says_so(client: Client, account: SubTenant) -> None:
    call = kept(account, 0, days=29)
    Recording.objects.update(purged_at=timezone.now())
    assert "gone already" in text(client.post("/retention/holds", {"uuid": call.uuid}, follow=True))
    assert not LegalHold.objects.exists()


@pytest.mark.parametrize("uuid", ["", "x", "00000000-0000-4000-8000-000000000000", "elsewhere"])
def test_a_call_that_is_not_the_accounts_is_not_found(uuid: str, client: Client, account: SubTenant) -> None:
    foreign = kept(factories.account("elsewhere"), 0, days=1)
    asked = foreign.uuid if uuid == "elsewhere" else uuid
    assert client.post("/retention/holds", {"uuid": asked}).status_code == 404
    assert not LegalHold.objects.exists()


# --- Holds ------------------------------------------------------------------------------------------------
def test_a_hold_says_who_and_why_and_is_released(client: Client, account: SubTenant) -> None:
    hold(kept(account, 0, days=1))
    hold(kept(factories.account("elsewhere"), 1, days=1))
    page = text(client.get("/retention"))
    assert "case 7 grace" in page
    assert page.count("case 7") == 1

    mine = LegalHold.objects.get(call__sub_tenant=account)
    page = text(client.post(f"/retention/holds/{mine.pk}/release", follow=True))

    assert "case 7" not in page
    mine.refresh_from_db()
    assert mine.released_by == "maria"


def test_a_hold_of_another_account_is_not_found(client: Client, account: SubTenant) -> None:
    hold(kept(factories.account("elsewhere"), 0, days=1))
    foreign = LegalHold.objects.get()
    assert client.post(f"/retention/holds/{foreign.pk}/release").status_code == 404
    foreign.refresh_from_db()
    assert foreign.released_at is None


def test_a_hold_released_meanwhile_is_no_fault(client: Client, account: SubTenant) -> None:
    hold(kept(account, 0, days=1))
    row = LegalHold.objects.get()
    holds.release(holds=LegalHold.objects.all(), released_by="ada")
    page = client.post(f"/retention/holds/{row.pk}/release", follow=True)
    assert "released already" in text(page)
    row.refresh_from_db()
    assert row.released_by == "ada"


def test_many_rows_take_as_many_queries_as_one_and_come_in_pages(client: Client, account: SubTenant) -> None:
    keep(account, 30)
    hold(kept(account, 0, days=25))
    kept(account, 1, days=25)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get("/retention")
        return len(seen)

    before = queries()
    calls = [kept(account, number, days=25) for number in range(2, PER_PAGE + 8)]
    hold(*calls[: PER_PAGE + 2])
    assert queries() == before
    oldest = client.get(f"/retention?before={LegalHold.objects.order_by('pk')[3].pk}")
    assert text(oldest).count("case 7") == 3
