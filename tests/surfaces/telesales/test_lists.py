"""What all lists of the surface share: which page is asked for, and how it is answered."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from partners.api import pagination
from partners.api.pagination import page_body
from partners.api.wire import PageQuery, parse
from partners.models import Tenant
from zipingest.api.errors import ApiError


@pytest.fixture
def rows(db: None) -> None:
    Tenant.objects.bulk_create(Tenant(external_id=f"t{n}", name=f"t{n}") for n in range(23))


def asked(**query: str) -> dict[str, Any]:
    found = Tenant.objects.order_by("pk")
    return page_body(found, parse(PageQuery, query), lambda tenant: tenant.name)


def names(first: int, last: int) -> list[str]:
    return [f"t{n}" for n in range(first, last)]


@pytest.mark.parametrize(
    ("page", "data"),
    [("1", names(0, 10)), ("2", names(10, 20)), ("3", names(20, 23)), ("4", []), ("999999999", [])],
)
def test_a_page_comes_with_what_there_is_beside_it(rows: None, page: str, data: list[str]) -> None:
    assert asked(page=page, per_page="10") == {
        "current_page": int(page),
        "data": data,
        "last_page": 3,
        "per_page": 10,
        "total": 23,
        "total_is_capped": False,
    }


def test_without_being_asked_it_is_the_first_fifty(rows: None) -> None:
    body = asked()
    assert (body["current_page"], body["per_page"], len(body["data"]), body["last_page"]) == (1, 50, 23, 1)


def test_an_empty_list_has_one_empty_page(db: None) -> None:
    body = asked()
    assert (body["data"], body["total"], body["last_page"]) == ([], 0, 1)


def test_counting_stops_and_says_so(rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNTED_ROWS", 20)
    first, last, beyond = (asked(page=page, per_page="8") for page in "134")
    for body in (first, last, beyond):
        assert (body["total"], body["total_is_capped"], body["last_page"]) == (20, True, 3)
    assert (first["data"], last["data"], beyond["data"]) == (names(0, 8), names(16, 20), [])


def test_as_many_as_are_counted_are_not_called_more(rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNTED_ROWS", 23)
    body = asked(page="3", per_page="10")
    assert (body["data"], body["total"], body["total_is_capped"]) == (names(20, 23), 23, False)


@pytest.mark.parametrize(("query", "number"), [({"per_page": "10"}, 2), ({"page": "3", "per_page": "10"}, 1)])
def test_a_page_takes_two_queries_and_the_last_one(rows: None, query: dict[str, str], number: int) -> None:
    with CaptureQueriesContext(connection) as queries:
        asked(**query)
    assert len(queries) == number


@pytest.mark.parametrize(
    ("query", "field", "text"),
    [
        ({"page": "0"}, "page", "The page field must be at least 1."),
        ({"per_page": "0"}, "per_page", "The per_page field must be at least 1."),
        ({"per_page": "201"}, "per_page", "The per_page field must not be greater than 200."),
        ({"page": "-1"}, "page", "The page field must be an integer."),
        ({"page": ""}, "page", "The page field must be an integer."),
        ({"page": "1.0"}, "page", "The page field must be an integer."),
        ({"page": "1_0"}, "page", "The page field must be an integer."),
        ({"page": "\uff11"}, "page", "The page field must be an integer."),
        ({"page": "9" * 5000}, "page", "The page field must be an integer."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_page_is_refused(query: dict[str, str], field: str, text: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parse(PageQuery, query)
    assert refusal.value.answer.status == 422
    assert refusal.value.answer.errors == [{"field": field, "message": text}]
