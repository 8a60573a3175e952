"""Retention in the console: what a change would delete, what expires soon, and legal holds."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calls.admin import filters
from calls.models import AccessKind, Call, LegalHold, Recording, RetentionChange
from calls.services import audit, holds, purge, windows
from partners.models import SubTenant
from tests.console.conftest import World, ingest_calls, staff, store
from tests.support import factories

EXPIRING = reverse("admin:calls_legalhold_expiring")
CALLS = reverse("admin:calls_call_changelist")
AUDIT = reverse("admin:calls_accessrecord_changelist")


def retention(world: World) -> str:
    return reverse("admin:calls_retentionchange_account", args=[world.sub_tenant.pk])


def age(call: Call, **ago: float) -> None:
    then = timezone.now() - timedelta(**ago)
    Recording.objects.filter(call=call).update(kept_from=then, sub_tenant=call.sub_tenant)


def keep(world: World, days: int) -> None:
    SubTenant.objects.filter(pk=world.sub_tenant.pk).update(retention_days=days)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def calls(world: World) -> list[Call]:
    """Three stored calls, 40, 27 and 1 days old, and the world's own, which is held, 40 days old."""
    ingest_calls(world.partner, world.sub_tenant, range(2, 5))
    made = list(Call.objects.filter(external_id__in=["call-2", "call-3", "call-4"]).order_by("pk"))
    for call, days in zip(made, (40, 27, 1), strict=True):
        store(call, world.wav)
        age(call, days=days)
    age(world.stored, days=40)
    held = Call.objects.filter(pk=world.stored.pk)
    holds.place(calls=held, reason="case 7", placed_by="person")
    Call.objects.filter(pk=made[0].pk).update(last_exported_at=timezone.now())
    return made


# --- Changing an account's retention ----------------------------------------------------------------------
def test_a_change_first_shows_what_it_would_delete(
    world: World, calls: list[Call], administrator: Client
) -> None:
    preview = administrator.post(retention(world), {"days": "30"}).context["preview"]

    assert (preview.recordings, preview.held, preview.never_exported) == (2, 1, 1)
    assert preview.oldest <= preview.newest <= timezone.now() - timedelta(days=30)
    world.sub_tenant.refresh_from_db()
    assert world.sub_tenant.retention_days is None


def test_it_tells_what_has_expired_already_in_the_present_window(
    world: World, calls: list[Call], administrator: Client
) -> None:
    keep(world, 30)
    preview = administrator.post(retention(world), {"days": "20"}).context["preview"]
    assert (preview.recordings, preview.expired_before) == (3, 2)


def test_only_what_was_previewed_is_saved(world: World, calls: list[Call], administrator: Client) -> None:
    administrator.post(retention(world), {"days": "3", "previewed": "30", "save": "1"})
    world.sub_tenant.refresh_from_db()
    assert world.sub_tenant.retention_days is None

    administrator.post(retention(world), {"days": "30", "previewed": "30", "save": "1"})
    world.sub_tenant.refresh_from_db()
    assert world.sub_tenant.retention_days == 30
    change = RetentionChange.objects.first()
    assert (change.old_days, change.new_days, change.changed_by) == (None, 30, "administrator")


def test_a_longer_window_says_that_nothing_expires(
    world: World, calls: list[Call], administrator: Client
) -> None:
    keep(world, 30)
    answer = administrator.post(retention(world), {"days": ""})
    assert "no recording expires by this change" in text_of(answer)


@pytest.mark.parametrize("days", ["0", "-1", "thirty", "36501"])
def test_it_refuses_what_are_no_days(days: str, world: World, administrator: Client) -> None:
    answer = administrator.post(retention(world), {"days": days, "previewed": days, "save": "1"})
    assert answer.context["form"].errors["days"]


def test_counting_stops_at_the_most_that_is_counted(
    world: World, calls: list[Call], administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "MOST_COUNTED", 1)
    preview = administrator.post(retention(world), {"days": "30"}).context["preview"]
    assert preview.recordings == 1
    assert preview.is_capped


def test_the_preview_looks_up_only_the_calls_that_it_counts(world: World) -> None:
    with CaptureQueriesContext(connection) as seen:
        windows.consequences(sub_tenant=world.sub_tenant, days=30)

    assert not [query["sql"] for query in seen if "JOIN" in query["sql"]]


def test_the_forms_of_tenant_and_sub_tenant_do_not_change_it(world: World, administrator: Client) -> None:
    page = reverse("admin:partners_subtenant_change", args=[world.sub_tenant.pk])
    form = {"tenant": world.sub_tenant.tenant_id, "name": "S", "external_id": "s", "retention_days": "1"}
    assert administrator.post(page, form).status_code == 302
    world.sub_tenant.refresh_from_db()
    assert (world.sub_tenant.name, world.sub_tenant.retention_days) == ("S", None)


# --- Expiring soon ----------------------------------------------------------------------------------------
def test_the_list_shows_what_expires_within_seven_days_and_is_not_held(
    world: World, calls: list[Call], support: Client
) -> None:
    keep(world, 30)
    age(world.stored, days=28)
    rows = support.get(EXPIRING).context["rows"]
    assert [str(row["call"]) for row in rows] == ["call-3"]


def test_the_next_to_expire_comes_first_whatever_the_accounts_windows(
    world: World, calls: list[Call], support: Client
) -> None:
    keep(world, 30)
    other = SubTenant.objects.create(
        tenant=world.sub_tenant.tenant, external_id="x", name="x", retention_days=5
    )
    Recording.objects.filter(call=calls[2]).update(sub_tenant=other)
    age_of = timezone.now() - timedelta(days=3)
    Recording.objects.filter(call=calls[2]).update(kept_from=age_of)
    assert [str(row["call"]) for row in support.get(EXPIRING).context["rows"]] == ["call-4", "call-3"]
    mine = support.get(EXPIRING, {"account": world.sub_tenant.pk})
    assert [str(row["call"]) for row in mine.context["rows"]] == ["call-3"]


def test_of_many_accounts_one_is_asked_for_by_name_in_sight_or_not(
    world: World, calls: list[Call], support: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "MOST_OFFERED", 1)
    keep(world, 30)
    elsewhere = [factories.account(unit, "globex") for unit in ("main", "west")]
    everything = support.get(EXPIRING)
    assert '<input name="account_named"' in everything.content.decode()
    assert [str(row["call"]) for row in everything.context["rows"]] == ["call-3"]

    found = support.get(EXPIRING, {"account_named": "globex"})
    page = found.content.decode()
    assert found.context["rows"] == []
    assert f'"?account={elsewhere[0].pk}"' in page
    assert "Only the first 1 are shown" in page
    chosen = support.get(EXPIRING, {"account": elsewhere[1].pk})
    assert "No recording of globex / west expires" in text_of(chosen)

    own = support.get(EXPIRING, {"account_named": str(world.sub_tenant)})
    assert [str(row["call"]) for row in own.context["rows"]] == ["call-3"]
    assert "Only the first" not in own.content.decode()


@pytest.mark.parametrize("how", ["one", "call"], ids=["one click", "ticked"])
def test_a_hold_takes_a_call_from_the_list(
    how: str, world: World, calls: list[Call], support: Client
) -> None:
    keep(world, 30)
    answer = support.post(EXPIRING, {how: calls[1].pk, "reason": "kept from expiring"}, follow=True)
    hold = LegalHold.objects.get(call=calls[1])
    assert (hold.placed_by, hold.reason) == ("support", "kept from expiring")
    assert answer.context["rows"] == []


def test_a_hold_needs_a_reason_and_the_token_of_the_page(
    world: World, calls: list[Call], support: Client
) -> None:
    support.post(EXPIRING, {"one": calls[1].pk, "reason": " "})
    strict = staff("strict")
    strict.handler.enforce_csrf_checks = True
    assert strict.post(EXPIRING, {"one": calls[1].pk, "reason": "x"}).status_code == 403
    assert not LegalHold.objects.filter(call=calls[1]).exists()


def test_in_a_narrow_window_each_cell_of_a_row_names_its_column(
    world: World, calls: list[Call], support: Client
) -> None:
    keep(world, 30)
    page = support.get(EXPIRING).content.decode()
    row = page[page.index("<tbody>") : page.index("</tbody>")]

    assert row.count("<td") == len(re.findall(r'<td[^>]* data-label="', row)) == 7
    assert re.search(r'data-label="Expires"><span [^>]*>\d{4}-', row)
    assert re.search(r'data-label="Call"><a [^>]*>call-3<', row)


# --- Holds ------------------------------------------------------------------------------------------------
def test_the_ticked_calls_of_the_list_are_held_after_a_question(
    world: World, calls: list[Call], support: Client
) -> None:
    ticked = {"action": "hold_selected", "_selected_action": [calls[0].pk, calls[1].pk]}
    asked = support.post(CALLS, ticked)
    assert 'name="_selected_action"' in asked.content.decode()
    assert not LegalHold.objects.filter(call__in=calls).exists()
    support.post(CALLS, {**ticked, "reason": "case 9"})
    assert LegalHold.objects.filter(reason="case 9").count() == 2


def test_all_calls_of_the_filtered_list_are_held_at_once(
    world: World, calls: list[Call], support: Client
) -> None:
    sent = {
        "action": "hold_selected",
        "_selected_action": [calls[0].pk],
        "reason": "all",
        "select_across": "1",
    }
    support.post(f"{CALLS}?state=completed", sent)
    assert set(LegalHold.objects.filter(reason="all").values_list("call", flat=True)) == {
        call.pk for call in calls
    }


def test_the_page_of_a_held_call_says_so_and_offers_no_second_hold(world: World, support: Client) -> None:
    answer = support.get(reverse("admin:calls_call_change", args=[world.failed.pk]))
    assert "by person: case 7" in text_of(answer)
    assert reverse("admin:calls_call_place_hold", args=[world.failed.pk]) not in answer.content.decode()


def test_a_released_hold_says_who_released_it(world: World, administrator: Client) -> None:
    hold = LegalHold.objects.get()
    administrator.post(reverse("admin:calls_legalhold_release", args=[hold.pk]))
    hold.refresh_from_db()
    assert (hold.released_by, hold.released_at is None) == ("administrator", False)
    assert LogEntry.objects.filter(change_message__contains="Release").exists()


@pytest.mark.parametrize(("active", "shown"), [("yes", 1), ("no", 0), ("", 1)])
def test_holds_are_listed_by_state(active: str, shown: int, world: World, support: Client) -> None:
    url = reverse("admin:calls_legalhold_changelist")
    assert len(support.get(url, {"active": active}).context["cl"].result_list) == shown


def test_a_purged_call_has_no_player_and_is_not_held(
    world: World, calls: list[Call], support: Client
) -> None:
    keep(world, 30)
    purge.purge_expired()
    page = reverse("admin:calls_call_change", args=[calls[0].pk])
    assert "<audio" not in support.get(page).content.decode()
    answer = support.post(
        reverse("admin:calls_call_place_hold", args=[calls[0].pk]), {"reason": "late"}, follow=True
    )
    assert "the audio is gone already" in text_of(answer)
    assert not LegalHold.objects.filter(call=calls[0]).exists()


@pytest.mark.parametrize("kind", ["superuser", "administrator"])
def test_nobody_deletes_a_call_here(kind: str, world: World) -> None:
    client = staff("root") if kind == "superuser" else staff("admin", "administrators")
    url = reverse("admin:calls_call_delete", args=[world.failed.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403
    client.post(CALLS, {"action": "delete_selected", "_selected_action": [world.failed.pk], "post": "yes"})
    assert Call.objects.filter(pk=world.failed.pk).exists()


def test_the_lists_take_as_many_queries_for_many_rows_as_for_one(
    world: World, calls: list[Call], administrator: Client
) -> None:
    keep(world, 30)

    def queries() -> list[int]:
        counts = []
        for url in (EXPIRING, AUDIT, reverse("admin:calls_legalhold_changelist")):
            with CaptureQueriesContext(connection) as seen:
                assert administrator.get(url).status_code == 200
            counts.append(len(seen))
        return counts

    administrator.get(EXPIRING)
    before = queries()
    for call in calls:
        age(call, days=26)
        audit.note_access(actor=audit.Actor("bob", ""), call=call, kind=AccessKind.DOWNLOAD)
    administrator.post(CALLS, {"action": "hold_selected", "_selected_action": [calls[0].pk], "reason": "x"})
    assert queries() == before
