"""What an operator is told of work, of partners and of the house, and what a scrape costs the database."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from calls.dialer.models import Blocked, LogStatus, Switch
from calls.models import Call, FetchAttempt, Recording
from exports.models import ExportJob
from partners.provisioning import Provisioned
from tests.calls.test_metrics import scraped, tried
from tests.exports.support import ordered, stored
from tests.support import dialling, factories
from zipingest import signs, tasks, work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

ITEMS = "zipingest_work_items"
OLDEST = "zipingest_work_oldest_due_seconds"
# Of these there may be ten million rows.
LARGE = {"calls_call", "calls_recording", "calls_fetchattempt", "calls_pause", "calls_failurenotice"}
LARGE |= {"partners_delivery", "partners_attempt", "partners_rejection", "partners_rejectioncount"}
LARGE |= {"dialer_contact", "dialer_phonelog", "exports_exportjob", "calls_purgecount"}


@pytest.fixture(autouse=True)
def _nobody_seen_yet() -> Iterator[None]:
    yield
    caches["shared"].clear()


@pytest.fixture
def acme() -> Provisioned:
    return factories.provisioned(name="Acme")


def some_of_everything(provisioned: Provisioned, mark: str) -> None:
    factories.ingest(provisioned, *(factories.item(f"{mark}-{n}") for n in range(3)))
    call = factories.call(provisioned, f"{mark}-0")
    tried(call, (500, "answered 500", 1), (200, "", 1))
    now = work.database_now()
    fetched(call, "http_404")
    Recording.objects.filter(call=call).update(state=WorkState.LEASED, lease_until=now)
    contact = dialling.contact(dialling.batch(provisioned))
    dialling.log(contact, status=LogStatus.UNKNOWN, ended_at=now)


def fetched(call: Call, code: str) -> None:
    now = work.database_now()
    FetchAttempt.objects.create(recording=call.recording, run=1, started_at=now, duration_ms=1, code=code)


# --- Work ---------------------------------------------------------------------------------------------------
def test_what_is_due_now_is_told_apart_from_what_is_due_later(acme: Provisioned) -> None:
    factories.ingest(acme, factories.item("now"), factories.item("later"))
    later = work.database_now() + timedelta(hours=1)
    Recording.objects.filter(call__external_id="later").update(due_at=later)

    values = scraped()

    assert (values[ITEMS, "recording", "due"], values[ITEMS, "recording", "overdue"]) == (2, 1)


def test_leases_that_ran_out_and_work_that_loses_them_again_and_again_are_counted(acme: Provisioned) -> None:
    factories.ingest(acme, *(factories.item(f"{n}") for n in range(3)))
    now = work.database_now()
    leases = {"0": (60, 2), "1": (60, 3), "2": (-60, 0)}
    for id, (seconds, expiries) in leases.items():
        Recording.objects.filter(call__external_id=id).update(
            state=WorkState.LEASED, lease_until=now + timedelta(seconds=seconds), expiries=expiries
        )

    values = scraped()

    shown = {state: values[ITEMS, "recording", state] for state in ("leased", "run_out", "often_lost")}
    assert shown == {"leased": 3, "run_out": 1, "often_lost": 1}


@pytest.mark.parametrize(("switch", "waits"), [(Switch.STARTED, True), (Switch.STOPPED, False)])
def test_contacts_wait_only_where_they_may_be_dialled(
    acme: Provisioned, settings: Any, switch: Switch, waits: bool
) -> None:
    settings.TELEPHONY_PROVIDER = "simulator"
    since = work.database_now() - timedelta(hours=1)
    dialling.contact(dialling.batch(acme, switch=switch), due_at=since)

    values = scraped()

    assert (values[OLDEST, "contact"] >= 3600) is waits
    assert values[ITEMS, "contact", "overdue"] == waits
    assert values[ITEMS, "contact", "due"] == 1


def test_failures_of_a_kind_without_an_index_for_them_are_counted_too(acme: Provisioned) -> None:
    dialling.contact(dialling.batch(acme), state=WorkState.FAILED)

    assert scraped()[ITEMS, "contact", "failed"] == 1


# --- Lanes --------------------------------------------------------------------------------------------------
def test_attempts_are_told_per_partner_by_number(acme: Provisioned) -> None:
    factories.ingest(acme)
    call = factories.call(acme)
    tried(call, (500, "answered 500", 1), (None, "refused", 1), (200, "", 1))
    fetched(call, "http_404")
    fetched(call, "")

    told = {key[1:]: value for key, value in scraped().items() if key[0] == "zipingest_lane_attempts"}

    lane = f"partner:{acme.partner.pk}"
    assert told == {
        ("callback", lane, "done"): 1,
        ("callback", lane, "failed"): 2,
        ("recording", lane, "done"): 1,
        ("recording", lane, "failed"): 1,
    }


# --- The house ----------------------------------------------------------------------------------------------
def test_a_sweep_leaves_a_sign_of_life() -> None:
    assert ("zipingest_seen_seconds", signs.SWEEP) not in scraped()

    tasks.sweep()

    assert 0 <= scraped()["zipingest_seen_seconds", signs.SWEEP] < 30


def test_a_loop_notes_itself_now_and_then_and_not_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs, "_noted_at", {})
    signs.keep_noting("loop")
    first = signs.last("loop")

    signs.keep_noting("loop")

    assert first is not None
    assert signs.last("loop") == first


def test_a_loop_goes_on_where_its_sign_cannot_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> datetime:
        raise OperationalError("the database is restarting")

    monkeypatch.setattr(signs, "_noted_at", {})
    monkeypatch.setattr(signs, "database_now", away)
    signs.keep_noting("loop")
    assert signs.last("loop") is None


def test_what_does_not_answer_is_told(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE_URL = tmp_path.as_uri()
    assert scraped()["zipingest_part_ready", "storage"] == 1

    (tmp_path / "readyz").symlink_to("readyz")  # a folder that nobody can look into

    assert scraped()["zipingest_part_ready", "storage"] == 0


def test_the_room_left_on_the_disk_is_told_where_recordings_are_in_a_folder(
    settings: Any, tmp_path: Path
) -> None:
    settings.STORAGE_URL = tmp_path.as_uri()
    assert 0 < scraped()["zipingest_storage_free_ratio",] < 1

    settings.STORAGE_URL = "s3://bucket"

    assert ("zipingest_storage_free_ratio",) not in scraped()


def test_a_call_of_unknown_outcome_counts_until_a_person_has_decided(acme: Provisioned) -> None:
    contact = dialling.contact(dialling.batch(acme), state=WorkState.DONE, blocked_by=Blocked.UNKNOWN)
    now = work.database_now()
    dialling.log(contact, status=LogStatus.UNKNOWN, ended_at=now, begun_at=now - timedelta(minutes=10))

    assert scraped()["zipingest_dialer_unknown_outcomes",] == 1
    assert scraped()["zipingest_dialer_last_call_seconds",] >= 600
    contact.blocked_by = ""
    contact.save()
    assert scraped()["zipingest_dialer_unknown_outcomes",] == 0


def test_an_export_ages_until_it_is_packed_or_given_up() -> None:
    age = ("zipingest_export_oldest_unfinished_seconds",)
    assert scraped()[age] == 0
    stored(number=1)
    ordered()
    ExportJob.objects.update(created_at=work.database_now() - timedelta(hours=3))

    ages = {}
    for state in (WorkState.DUE, WorkState.LEASED, WorkState.DONE):
        ExportJob.objects.update(state=state, lease_until=work.database_now())
        ages[state] = scraped()[age] >= 3 * 3600

    assert ages == {WorkState.DUE: True, WorkState.LEASED: True, WorkState.DONE: False}


# --- What it costs ------------------------------------------------------------------------------------------
def statements() -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        scraped()
    return [query["sql"] for query in queries]


def test_a_scrape_asks_as_often_whatever_there_is(acme: Provisioned) -> None:
    some_of_everything(acme, "a")
    few = statements()
    for number in range(3):
        some_of_everything(factories.provisioned(), f"{number}")

    assert len(statements()) == len(few) < 70


def test_no_figure_reads_a_table_whole(acme: Provisioned) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no EXPLAIN that names its scans as PostgreSQL does")
    some_of_everything(acme, "a")
    asked = [sql for sql in statements() if sql.startswith(("SELECT", "\n            WITH"))]
    with connection.cursor() as cursor:
        # Tables of a few rows are read whole by choice; now only where nothing else is possible.
        cursor.execute("SET LOCAL enable_seqscan = off")
        whole = {sql: read for sql in asked if (read := read_whole(cursor, sql))}

    assert len(asked) > 20
    assert whole == {}


def read_whole(cursor: Any, sql: str) -> set[str]:
    """The large tables that PostgreSQL reads from one end to the other for this."""
    cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
    (explained,) = cursor.fetchone()
    plan = explained if isinstance(explained, list) else json.loads(explained)
    return {node["Relation Name"] for node in nodes(plan[0]["Plan"]) if is_whole(node)} & LARGE


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def is_whole(node: dict[str, Any]) -> bool:
    return node["Node Type"] == "Seq Scan"
