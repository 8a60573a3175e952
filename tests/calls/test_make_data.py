"""Made-up data: a house that looks as if it had been busy, and can go on."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from calls import figures
from calls.management.columns import TABLES
from calls.management.made_up import Maker
from calls.management.owners import Owner
from calls.models import AccessRecord, Call, DispositionChange, IngestItem, Recording, Signal
from calls.services import purge
from partners import events
from partners.models import ApiKey, Delivery, Partner, SubTenant
from tests.support import factories
from zipingest import work
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

needs_copy = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has COPY")


def make(calls: int, **options: Any) -> None:
    call_command("make_data", calls=calls, stdout=StringIO(), **options)


def schema() -> set[tuple[str, str]]:
    """Every index and every constraint, as the database itself writes it.

    Of a partial index without its condition, which PostgreSQL writes in other words once it has read its own.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL "
            "SELECT conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint"
        )
        return {(name, definition.partition(" WHERE ")[0]) for name, definition in cursor.fetchall()}


def test_it_is_refused_in_production_and_without_copy(settings: Any) -> None:
    settings.PRODUCTION = True
    wanted = "no place in production" if connection.vendor == "postgresql" else "only PostgreSQL has"

    with pytest.raises(CommandError, match=wanted):
        make(1)
    assert not Call.objects.exists()


@needs_copy
def test_it_is_refused_of_nothing() -> None:
    with pytest.raises(CommandError, match="--partners must be at least 1"):
        make(10, partners=0)
    assert not Partner.objects.exists()


@needs_copy
def test_it_is_refused_where_there_are_calls() -> None:
    factories.ingest(factories.provisioned())

    with pytest.raises(CommandError, match="already"):
        make(1)
    assert Call.objects.count() == 1


@needs_copy
@pytest.mark.slow  # it drops and makes every index, twice
def test_what_stops_halfway_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before, made = schema(), Maker.chunks

    def broken(maker: Maker) -> Iterator[Any]:
        yield next(made(maker))
        raise OSError("the disk is full")

    monkeypatch.setattr(Maker, "chunks", broken)
    with pytest.raises(OSError, match="disk"):
        make(500)

    assert schema() == before
    assert not any(model._default_manager.exists() for model in (*TABLES, Partner))


@needs_copy
@pytest.mark.slow  # it makes data of all kinds
def test_a_house_is_made_that_looks_busy_and_goes_on() -> None:
    before, since = schema(), work.database_now() - timedelta(days=91)
    make(6_000, calls_per_sub_tenant=500, partners=3)

    assert schema() == before
    assert Call.objects.count() == Recording.objects.count() == IngestItem.objects.count() == 6_000
    assert (SubTenant.objects.count(), Partner.objects.count()) == (12, 3)
    assert all(model._default_manager.exists() for model in (AccessRecord, DispositionChange, Signal, ApiKey))
    assert set(figures.calls_by_state(since)) >= {"completed", "failed"}
    assert figures.fetch_failures(since)
    assert len(figures.callbacks_by_partner(since)) == 3
    assert figures.rejections_today()
    assert Delivery.objects.filter(state=WorkState.DUE, attempts=1).exists()
    assert purge.purge_expired() == 0

    told = Delivery.objects.filter(sub_tenant__isnull=False).earliest("pk")
    assert told.sub_tenant is not None
    feed = events.read(partner=told.partner, sub_tenant=told.sub_tenant, after=0, most=2)
    assert [delivery.sequence for delivery in feed] == [1, 2]

    provisioned = factories.provisioned()
    factories.ingest(provisioned)
    assert factories.call(provisioned).recording.state == WorkState.DUE


def test_the_same_seed_makes_the_same_calls() -> None:
    now, owner = datetime(2026, 3, 1, tzinfo=UTC), Owner(1, 1, 60, 1, 1, 20, campaigns=[1], signals=[1])

    def made(seed: int) -> list[Any]:
        return list(Maker(random.Random(seed), [owner], 100, now).chunks())

    assert made(7) == made(7)
    assert made(7) != made(8)
