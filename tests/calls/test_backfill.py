"""What the database held before campaigns, holds and retention is filled in by the migrations, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BEFORE = [("calls", "0004_recording_by_lane_and_state")]
AFTER = [("calls", "0007_listen_once_by_actor")]
STARTED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
STORED = STARTED + timedelta(hours=1)


def migrated(target: list[tuple[str, str]]) -> Any:
    """The models as they are at ``target``, to which the database is brought."""
    MigrationExecutor(connection).migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.fixture
def old() -> Iterator[Any]:
    """The models of before; whatever a test does, the database is brought to the newest state again."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        yield migrated(BEFORE)
    finally:
        MigrationExecutor(connection).migrate(newest)


class House:
    """A call of each of two accounts, as rows of before."""

    def __init__(self, models: Any) -> None:
        self.models = models
        tenant = models.get_model("partners", "Tenant").objects.create(external_id="t", name="t")
        self.accounts = [
            models.get_model("partners", "SubTenant").objects.create(tenant=tenant, external_id=id, name=id)
            for id in ("a", "b")
        ]
        self.partner = models.get_model("partners", "Partner").objects.create(name="P", webhook_secret="x")

    def recording(self, account: int, *, ended_at: datetime | None, state: str = "done") -> Any:
        number = self.models.get_model("calls", "Call").objects.count()
        call = self.models.get_model("calls", "Call").objects.create(
            source="partner",
            sub_tenant=self.accounts[account],
            partner=self.partner,
            external_id=f"call-{number}",
            started_at=STARTED,
            ended_at=ended_at,
            customer_phone="+4930",
            received_at=STARTED,
        )
        return self.models.get_model("calls", "Recording").objects.create(
            call=call,
            state=state,
            due_at=STARTED,
            begun_at=STARTED,
            completed_at=STORED if state == "done" else None,
            source_url="https://example.com/a.wav",
            lane="partner:1",
        )

    def heard(self, recording: Any, username: str) -> None:
        user, _ = self.models.get_model("partners", "User").objects.get_or_create(username=username)
        self.models.get_model("calls", "AccessRecord").objects.create(
            user=user, call_id=recording.call_id, kind="listen", at=STORED, slot=7
        )


def test_recordings_learn_whose_they_are_and_from_when_they_are_kept(old: Any) -> None:
    house = House(old)
    ended_before = house.recording(0, ended_at=STARTED)
    ended_after = house.recording(1, ended_at=STORED + timedelta(hours=1))
    never_ended = house.recording(1, ended_at=None)
    waiting = house.recording(0, ended_at=STARTED, state="due")

    rows = migrated(AFTER).get_model("calls", "Recording").objects.in_bulk()

    kept = {row.pk: (rows[row.pk].sub_tenant_id, rows[row.pk].kept_from) for row in rows.values()}
    first, second = (account.pk for account in house.accounts)
    assert kept == {
        ended_before.pk: (first, STORED),
        ended_after.pk: (second, STORED + timedelta(hours=1)),
        never_ended.pk: (second, STORED),
        waiting.pk: (first, None),
    }


def test_accesses_learn_who_it_was_by_name_and_whose_call(old: Any) -> None:
    house = House(old)
    recording = house.recording(1, ended_at=STARTED)
    for username in ("ada", "grace"):
        house.heard(recording, username)

    records = migrated(AFTER).get_model("calls", "AccessRecord").objects.order_by("pk")

    account = house.accounts[1].pk
    assert list(records.values_list("actor", "sub_tenant")) == [("ada", account), ("grace", account)]
