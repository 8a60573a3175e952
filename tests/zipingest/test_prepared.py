"""Look-ups composed once: they find what the ORM finds, at every time as it is then."""

import os
import uuid

import psycopg
import pytest
from django.db import close_old_connections, connection
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.db.models.sql.compiler import SQLCompiler
from django.test import Client

from calls.models import Call, LegalHold
from partners import tokens
from partners.models import AccessToken, Role, SubTenant
from tests.support import factories, recordings
from zipingest.prepared import Prepared

pytestmark = pytest.mark.django_db

ID = "call-1"


@pytest.fixture
def call() -> Call:
    provisioned = factories.provisioned()
    factories.ingest(provisioned, factories.item(ID), factories.item("call-2"))
    call = factories.call(provisioned, ID)
    recordings.store(call, b"RIFF")
    return call


def rows() -> QuerySet[Call]:
    holds = LegalHold.objects.filter(call=OuterRef("pk"))
    related = Call.objects.select_related("recording", "sub_tenant__tenant", "agent", "campaign")
    return related.annotate(held=Exists(holds), now=Now())


def facts(row: Call) -> list[dict[str, object]]:
    """All columns of the row and of what was selected with it."""
    related = (row, row.recording, row.sub_tenant, row.sub_tenant.tenant, row.agent)
    return [
        {name: value for name, value in vars(each).items() if name not in ("_state", "now")}
        for each in related
    ]


def test_it_finds_what_the_orm_finds(call: Call, django_assert_num_queries) -> None:
    recordings.hold(call)
    expected = rows().get(uuid=call.uuid)
    prepared, given = (
        Prepared(rows(), "sub_tenant", "uuid"),
        {"sub_tenant": call.sub_tenant_id, "uuid": call.uuid},
    )
    with django_assert_num_queries(1):
        assert facts(prepared.get(**given)) == facts(expected)
    found = prepared.get(**given)
    assert facts(found) == facts(expected)
    assert (found, found.campaign, vars(found)["held"]) == (expected, None, True)
    assert vars(found)["now"].tzinfo is not None
    assert not found._state.adding


@pytest.mark.parametrize(
    "other", [{"uuid": uuid.UUID(int=1)}, {"sub_tenant": 0}], ids=["another uuid", "another account"]
)
def test_it_finds_nothing_where_one_value_differs(call: Call, other: dict[str, object]) -> None:
    prepared = Prepared(rows(), "sub_tenant", "uuid")
    given = {"sub_tenant": call.sub_tenant_id, "uuid": call.uuid}
    assert prepared.get(**given) == call
    assert prepared.get(**given | other) is None


def test_columns_that_are_left_out_are_read_when_they_are_asked_for(
    call: Call, django_assert_num_queries
) -> None:
    found = Prepared(Call.objects.only("uuid"), "external_id").get(external_id=ID)
    assert "metadata" in found.get_deferred_fields()
    with django_assert_num_queries(1):
        assert found.metadata == call.metadata


@pytest.mark.parametrize("text", ["", "'; --", "50 % %s", "Grüße 👋"])
def test_a_value_is_never_a_part_of_the_statement(call: Call, text: str) -> None:
    prepared = Prepared(Call.objects.all(), "external_id")
    assert prepared.get(external_id=text) is None
    Call.objects.filter(pk=call.pk).update(external_id=text)
    assert prepared.get(external_id=text) == call


def test_it_is_composed_once_and_asked_each_time(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    composed: list[SQLCompiler] = []
    as_sql = SQLCompiler.as_sql
    monkeypatch.setattr(
        SQLCompiler,
        "as_sql",
        lambda self, *given, **options: (composed.append(self), as_sql(self, *given, **options))[1],
    )
    prepared = Prepared(SubTenant.objects.all(), "id")
    assert prepared.get(id=call.sub_tenant_id).retention_days is None
    SubTenant.objects.filter(pk=call.sub_tenant_id).update(retention_days=30)
    composed.clear()
    assert prepared.get(id=call.sub_tenant_id).retention_days == 30
    assert composed == []


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_has_closed_is_replaced() -> None:
    headers = factories.bearer(tokens.issue_to_person(user=factories.person(Role.ADMIN)))
    _end_connection()
    assert Client().get("/api/auth/me", headers=headers).status_code == 200
    assert AccessToken.objects.get().last_used_at is not None


def _end_connection() -> None:
    """From outside, as a restart of the server does; SQLite has none, and there the connection just ends."""
    if connection.vendor == "postgresql":
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as administrator:
            pid = connection.connection.info.backend_pid
            administrator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    else:
        connection.close()
    close_old_connections()  # what a server does between two requests
