"""Many rows at once, without instances: they end up as the ORM would have written them."""

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from calls.models import Agent, Call, Customer, DispositionCode, Recording
from tests.support import factories
from zipingest import bulk
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 1, 9, 0, 0, 250, tzinfo=UTC)
TEXTS = [
    "",
    "plain",
    "'); DROP TABLE calls_call; --",
    'quo"te',
    "back\\slash %s %(x)s",
    "Grüße 👋",
    "null",
    "1",
]


@pytest.fixture
def owner() -> dict[str, int]:
    made = factories.provisioned()
    return {"sub_tenant_id": made.sub_tenant.pk, "partner_id": made.partner.pk}


def calls_of(owner: dict[str, int], **same: Any) -> dict[str, Any]:
    return {**owner, "source": "partner", "started_at": AT, "received_at": AT, "customer_phone": "+1", **same}


# --- Insert -----------------------------------------------------------------------------------------------
def test_it_writes_what_the_orm_reads(owner: dict[str, int]) -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=2)))
    same = calls_of(owner)
    del same["started_at"]
    bulk.insert_rows(
        Call,
        ("external_id", "started_at", "ended_at", "sandbox", "metadata"),
        [("one", elsewhere, None, True, {"a": [1, 2.5, None, "ü"], "b": {}}), ("two", AT, AT, False, {})],
        same=same,
    )
    one, two = Call.objects.order_by("pk")
    assert (one.external_id, one.started_at, one.ended_at, one.sandbox) == ("one", AT, None, True)
    assert (two.external_id, two.started_at, two.ended_at, two.sandbox) == ("two", AT, AT, False)
    assert (one.metadata, two.metadata) == ({"a": [1, 2.5, None, "ü"], "b": {}}, {})
    assert Call.objects.filter(started_at=AT, ended_at=AT, metadata={}).get() == two


def test_what_is_not_given_has_the_models_default(owner: dict[str, int]) -> None:
    bulk.insert_rows(Call, ("external_id",), [("one",)], same=calls_of(owner))
    call = Call.objects.get()
    same = {"sub_tenant_id": call.sub_tenant_id, "due_at": AT, "begun_at": AT, "lane": "x"}
    bulk.insert_rows(Recording, ("call_id",), [(call.pk,)], same=same)
    assert (call.metadata, call.custom_fields, call.disposition, call.sandbox) == ({}, [], "", False)
    model = Recording(call=call, **same)
    stored = Recording.objects.get()
    names = {field.attname for field in Recording._meta.concrete_fields} - {"id"}
    assert {name: getattr(stored, name) for name in names} == {name: getattr(model, name) for name in names}
    assert stored.state == WorkState.DUE


def test_the_default_of_a_unique_field_is_made_for_each_row(owner: dict[str, int]) -> None:
    bulk.insert_rows(Call, ("external_id",), [("one",), ("two",)], same=calls_of(owner))
    one, two = Call.objects.all()
    assert isinstance(one.uuid, uuid.UUID)
    assert one.uuid != two.uuid


def test_a_uuid_that_is_given_is_found_by_it(owner: dict[str, int]) -> None:
    given = uuid.uuid4()
    bulk.insert_rows(Call, ("uuid", "external_id"), [(given, "one")], same=calls_of(owner))
    assert Call.objects.get(uuid=given).external_id == "one"


def test_a_creation_time_is_now(owner: dict[str, int]) -> None:
    before = datetime.now(UTC)
    bulk.insert_rows(Agent, ("external_id",), [("a",)], same=owner)
    assert before <= Agent.objects.get().created_at <= datetime.now(UTC)


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_what_it_is(owner: dict[str, int], text: str) -> None:
    bulk.insert_rows(Call, ("external_id", "extras"), [(text, {text: text})], same=calls_of(owner))
    bulk.insert_rows(Agent, ("external_id",), [(text,)], same={**owner, "name": text})
    call = Call.objects.get(external_id=text)
    assert (call.extras, Agent.objects.get(external_id=text).name) == ({text: text}, text)


@pytest.mark.parametrize("value", [None, True, 7, 1.5, 10**30, "text", [], {"a": None}])
def test_json_may_be_any_value(owner: dict[str, int], value: Any) -> None:
    bulk.insert_rows(Call, ("external_id", "extras"), [("one", {"it": value})], same=calls_of(owner))
    assert Call.objects.get().extras == {"it": value}


def test_a_lone_text_or_number_is_json_too(owner: dict[str, int]) -> None:
    bulk.insert_rows(Call, ("external_id", "extras"), [("one", "text"), ("two", 7)], same=calls_of(owner))
    assert list(Call.objects.order_by("pk").values_list("extras", flat=True)) == ["text", 7]


def test_it_returns_what_was_inserted_by_the_columns_asked_for(owner: dict[str, int]) -> None:
    names = [f"n{number}" for number in range(60)]
    made = bulk.insert_rows(
        Customer, ("external_id",), [(name,) for name in names], same=owner, returning=("external_id", "id")
    )
    assert dict(made) == dict(Customer.objects.values_list("external_id", "pk"))
    assert list(Customer.objects.order_by("pk").values_list("external_id", flat=True)) == names


def test_it_is_one_statement_whatever_the_number(owner: dict[str, int]) -> None:
    with CaptureQueriesContext(connection) as queries:
        bulk.insert_rows(Customer, ("external_id",), [(f"n{i}",) for i in range(500)], same=owner)
        bulk.insert_rows(Customer, ("external_id",), [], same=owner)
    assert len(queries) == 1
    assert Customer.objects.count() == 500


def test_a_conflict_is_an_error_unless_it_is_passed_over(owner: dict[str, int]) -> None:
    same = {"sub_tenant_id": owner["sub_tenant_id"]}
    bulk.insert_rows(DispositionCode, ("code",), [("known",)], same=same)
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert_rows(DispositionCode, ("code",), [("known",), ("new",)], same=same)
    made = bulk.insert_rows(
        DispositionCode,
        ("code",),
        [("known",), ("new",)],
        same=same,
        ignore_conflicts=True,
        returning=("code",),
    )
    assert made == [("new",)]


def test_a_text_that_is_too_long_is_never_cut(owner: dict[str, int]) -> None:
    if connection.vendor == "sqlite":
        bulk.insert_rows(Agent, ("external_id", "name"), [("a", "x" * 300)], same=owner)
        assert len(Agent.objects.get().name) == 300
    else:
        with pytest.raises(DatabaseError), transaction.atomic():
            bulk.insert_rows(Agent, ("external_id", "name"), [("a", "x" * 300)], same=owner)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", object()])
def test_it_refuses_what_json_cannot_carry(owner: dict[str, int], value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        bulk.insert_rows(Agent, ("external_id",), [(value,)], same=owner)


# --- Update and find --------------------------------------------------------------------------------------
def test_an_update_changes_the_rows_it_names_and_only_their_columns(owner: dict[str, int]) -> None:
    bulk.insert_rows(Call, ("external_id",), [("one",), ("two",), ("three",)], same=calls_of(owner))
    one, two, _ = Call.objects.order_by("pk")
    with CaptureQueriesContext(connection) as queries:
        rows = [(one.pk, {"a": 1}, "x", AT), (two.pk, {}, "'%s", None)]
        bulk.update_rows(Call, "id", ("metadata", "disposition", "ended_at"), rows)
        bulk.update_rows(Call, "id", ("metadata",), [])
    assert len(queries) == 1
    columns = ("external_id", "metadata", "disposition", "ended_at")
    assert list(Call.objects.order_by("pk").values_list(*columns)) == [
        ("one", {"a": 1}, "x", AT),
        ("two", {}, "'%s", None),
        ("three", {}, "", None),
    ]


@pytest.mark.parametrize("lock", [False, True])
def test_it_finds_the_rows_of_a_set_that_fit(owner: dict[str, int], lock: bool) -> None:
    other = {"sub_tenant_id": owner["sub_tenant_id"], "partner_id": None}
    bulk.insert_rows(Agent, ("external_id", "name"), [("b", "B"), ("a", "A"), ("c", "C")], same=owner)
    bulk.insert_rows(Agent, ("external_id", "name"), [("a", "of nobody")], same=other)
    find = {"key": "external_id", "among": {"a", "b", "'"}, "lock": lock}
    assert sorted(bulk.find_rows(Agent, ("external_id", "name"), where=owner, **find)) == [
        ("a", "A"),
        ("b", "B"),
    ]
    assert bulk.find_rows(Agent, ("name",), where=other, **find) == [("of nobody",)]


def test_it_finds_by_number_and_parses_json(owner: dict[str, int]) -> None:
    bulk.insert_rows(
        Call, ("external_id", "extras"), [("one", {"a": [1]}), ("two", {})], same=calls_of(owner)
    )
    pks = list(Call.objects.values_list("pk", flat=True))
    found = bulk.find_rows(Call, ("external_id", "extras"), where={}, key="id", among=pks)
    assert sorted(found, key=str) == [("one", {"a": [1]}), ("two", {})]


def test_nothing_is_asked_about_nothing(owner: dict[str, int]) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert bulk.find_rows(Agent, ("name",), where=owner, key="external_id", among=()) == []
    assert len(queries) == 0
