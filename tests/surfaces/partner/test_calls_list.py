"""The list of one's own calls: newest first, in pages, by state and time."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from calls.models import Call
from tests.support.api import CALLS, PartnerClient, data, ids
from tests.support.factories import item

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
NO_STATE = "state must be one of the following values: queued, fetching, processing, completed, failed"
NO_TIME = "since must be a valid ISO 8601 date string in UTC"
NO_PAGE_SIZE = "per_page must be a whole number between 1 and 200"
NO_CURSOR = "cursor must be a cursor that an earlier answer gave"


def test_the_list_is_paged_newest_first(api: PartnerClient) -> None:
    api.post_batch(*(item(f"call{n}") for n in range(5)))
    pages, following = [], f"{CALLS}?per_page=2"
    while following:
        parts = urlsplit(following)
        response = api.get(f"{parts.path}?{parts.query}")
        pages.append(ids(response))
        following = response.json()["data"]["next"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(id for page in pages for id in page) == [f"call{n}" for n in range(5)]


def test_a_call_that_arrives_between_two_pages_shifts_nothing(api: PartnerClient) -> None:
    api.post_batch(item("old"))
    api.post_batch(item("new"))
    first = api.get(CALLS, {"per_page": 1})
    api.post_batch(item("newest"))
    following = urlsplit(data(first)["next"])
    assert (ids(first), ids(api.get(f"{following.path}?{following.query}"))) == (["new"], ["old"])


def test_the_address_of_the_next_page_keeps_the_filters(api: PartnerClient) -> None:
    api.post_batch(item("one"), item("two"))
    following = data(api.get(CALLS, {"per_page": 1, "state": "queued", "since": "2020-01-01T00:00:00Z"}))[
        "next"
    ]
    assert following.startswith(f"http://testserver{CALLS}?")
    assert "state=queued" in following
    assert "since=2020-01-01T00%3A00%3A00Z" in following


def test_the_list_can_begin_at_a_time(api: PartnerClient) -> None:
    api.post_batch(item("old"))
    Call.objects.update(received_at=NOON - timedelta(milliseconds=1))
    api.post_batch(item("new"))
    Call.objects.filter(external_id="new").update(received_at=NOON)
    assert ids(api.get(CALLS, {"since": "2024-05-01T12:00:00Z"})) == ["new"]
    assert ids(api.get(CALLS, {"since": "2024-05-01T11:59:59.999+00:00"})) == ["new", "old"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("state=done", NO_STATE), ("state=", NO_STATE), ("state=FAILED", NO_STATE), ("state=%00", NO_STATE),
        ("since=yesterday", NO_TIME), ("since=2024-05-01T12:00:00", NO_TIME),
        ("since=2024-05-01T12:00:00%2B02:00", NO_TIME), ("since=0001-01-01T00:00:00%2B23:59", NO_TIME),
        ("since=2024-13-01T00:00:00Z", NO_TIME), ("since=", "since should not be empty"),
        ("per_page=0", NO_PAGE_SIZE), ("per_page=201", NO_PAGE_SIZE), ("per_page=-1", NO_PAGE_SIZE),
        ("per_page=1e2", NO_PAGE_SIZE), ("per_page=" + "9" * 5000, NO_PAGE_SIZE),
        ("per_page=%D9%A1", NO_PAGE_SIZE),
        ("cursor=", NO_CURSOR), ("cursor=garbage", NO_CURSOR), ("cursor=cD1hYmM%3D", NO_CURSOR),
        ("cursor=%FF%FE", NO_CURSOR), ("cursor=" + "9" * 30, NO_CURSOR), ("cursor=-1", NO_CURSOR),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip # a table: its rows stay on a line each
def test_it_names_what_is_wrong_with_a_query(api: PartnerClient, query: str, message: str) -> None:
    response = api.get(f"{CALLS}?{query}")
    assert (response.status_code, response.json()) == (
        422,
        {
            "success": False,
            "message": "Validation failed",
            "errors": [{"field": message.partition(" ")[0], "message": message}],
        },
    )


@pytest.mark.parametrize(
    "query",
    ["since=0001-01-01T00:00:00Z", "cursor=0", "cursor=" + "9" * 18, "format=xml", "other=%FF&other=1"],
)
def test_it_takes_an_odd_but_valid_query(api: PartnerClient, query: str) -> None:
    assert api.get(f"{CALLS}?{query}").status_code == 200


def test_more_query_fields_than_django_reads_are_refused_in_the_envelope(api: PartnerClient) -> None:
    response = api.get(f"{CALLS}?{'&'.join(f'f{n}=1' for n in range(1100))}")
    assert (response.status_code, response.json()) == (400, {"success": False, "message": "Bad request"})


def test_a_charset_does_not_change_how_the_query_is_read(api: PartnerClient) -> None:
    path = f"{CALLS}?state=%71ueued"
    assert api.request("GET", path, content_type="text/plain; charset=utf-16").status_code == 200


def test_an_answer_is_json_whatever_is_accepted(api: PartnerClient) -> None:
    response = api.get(CALLS, accept="text/html, image/webp")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
