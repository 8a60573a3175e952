"""The library page by page: every call once, at a price that does not grow."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import Call
from calls.paging import PER_PAGE, Cursor
from partners.models import SubTenant
from tests.pages.library import link, many, shown, signed_in


def test_pages_show_every_call_once_there_and_back(account: SubTenant) -> None:
    many(account, 2 * PER_PAGE + 20)
    client, seen = signed_in(), []
    answer = client.get("/library?phone=%2B1202")
    assert link(answer, "prev") is None

    pages = [shown(answer)]
    while older := link(answer, "next"):
        assert "phone=%2B1202" in older
        answer = client.get(older)
        pages.append(shown(answer))
    seen = [each for page in pages for each in page]
    newest_first = Call.objects.order_by("-started_at", "-pk").values_list("uuid", flat=True)
    assert seen == [str(each) for each in newest_first]
    assert [len(page) for page in pages] == [PER_PAGE, PER_PAGE, 20]

    answer = client.get(link(answer, "prev"))
    assert shown(answer) == pages[1]
    answer = client.get(link(answer, "prev"))
    assert shown(answer) == pages[0]
    assert link(answer, "prev") is None


def test_newer_calls_that_fill_no_page_are_shown_with_the_newest(account: SubTenant) -> None:
    many(account, PER_PAGE + 5)
    third = Call.objects.order_by("-started_at", "-pk")[2]

    answer = signed_in().get("/library", {"after": str(Cursor.of(third))})

    assert len(shown(answer)) == PER_PAGE
    assert link(answer, "prev") is None


@pytest.mark.parametrize(
    "text",
    ["", "x", "é", "====", "MjAyNg==", "MjAyNi0wNi0wMVQwMDowMDowMCAx", "A" * 5000, "\0"],
    ids=["empty", "short", "not ascii", "padding", "a year", "without a zone", "long", "null"],
)
def test_what_no_page_wrote_is_no_cursor(text: str) -> None:
    assert Cursor.read(text) is None


@pytest.mark.parametrize("name", ["before", "after"])
def test_a_broken_cursor_is_the_first_page(account: SubTenant, name: str) -> None:
    many(account, 3)

    assert len(shown(signed_in().get("/library", {name: "é\0"}))) == 3


def test_a_cursor_reads_what_it_wrote() -> None:
    cursor = Cursor(datetime(2026, 6, 1, 10, 20, 30, 456789, tzinfo=UTC), 77)

    assert Cursor.read(str(cursor)) == cursor


def test_the_number_of_queries_does_not_depend_on_the_number_of_calls(account: SubTenant) -> None:
    client = signed_in()
    asked = []
    for _ in range(2):
        many(account, PER_PAGE)
        with CaptureQueriesContext(connection) as captured:
            client.get("/library", {"text": "+1202"})
        asked.append(len(captured))

    # session, person, account; agents of the text, the calls; campaigns, codes, signals and fields to choose
    assert asked == [9, 9]
    assert not any("COUNT(" in query["sql"] for query in captured)
