"""Ranges and conditional requests as RFC 9110 has them, on real files."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from hypothesis import example, given
from hypothesis import strategies as st

from tests.zipingest.storage_tools import KEY, file_position, put
from zipingest.ranges import Range, RangeNotSatisfiable, parse_range, ranged_response
from zipingest.storage import LocalStorage, ObjectMissing, StorageError

# Closing a response makes Django look after its database connections, open ones of earlier tests too.
pytestmark = pytest.mark.django_db

DATA = bytes(range(250)) * 4
SIZE = len(DATA)
MODIFIED = datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)
MODIFIED_TEXT = "Wed, 04 Mar 2026 05:06:07 GMT"
EARLIER, LATER = "Wed, 04 Mar 2026 05:06:06 GMT", "Wed, 04 Mar 2026 05:06:08 GMT"
ETAG = '"5d41402a"'

Ask = Callable[..., HttpResponseBase]

# --- The header -------------------------------------------------------------------------------------------
SATISFIABLE = [
    ("bytes=0-0", (0, 1)),
    ("bytes=0-499", (0, 500)),
    ("bytes=500-999", (500, 1000)),
    ("bytes=999-999", (999, 1000)),
    ("bytes=0-", (0, 1000)),
    ("bytes=999-", (999, 1000)),
    ("bytes=0-1000", (0, 1000)),
    ("bytes=900-99999", (900, 1000)),
    ("bytes=5-" + "9" * 5000, (5, 1000)),
    ("bytes=" + "0" * 5000 + "5-6", (5, 7)),
    ("bytes=-1", (999, 1000)),
    ("bytes=-500", (500, 1000)),
    ("bytes=-1000", (0, 1000)),
    ("bytes=-1001", (0, 1000)),
    ("bytes=-" + "9" * 5000, (0, 1000)),
    ("Bytes=0-0", (0, 1)),
    ("BYTES=-1", (999, 1000)),
    (" bytes=0-0 ", (0, 1)),
    ("bytes= 0-0\t", (0, 1)),
    ("bytes=,0-0, ,", (0, 1)),
]
UNSATISFIABLE = ["bytes=1000-", "bytes=1000-1000", "bytes=1000-2000", "bytes=" + "9" * 5000 + "-", "bytes=-0"]
IGNORED = [
    None,
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=--1",
    "bytes=1-0",
    "bytes=2000-1000",
    "bytes=a-b",
    "bytes=0-b",
    "bytes=0x0-0x1",
    "bytes=0",
    "bytes=0.0-1",
    "bytes=+0-1",
    "bytes=0 - 1",
    "bytes=0-1-2",
    "bytes=\u0660-\u0669",
    "bytes 0-1",
    "bytes:0-1",
    "=0-1",
    "0-1",
    "items=0-1",
    "seconds=-1",
    "bytes=0-0,2-2",
    "bytes=0-0, -1",
    "bytes=0-0,1000-",
]


@pytest.mark.parametrize(("header", "expected"), SATISFIABLE, ids=lambda value: str(value)[:24])
def test_it_reads_a_satisfiable_range(header: str, expected: tuple[int, int]) -> None:
    assert parse_range(header, SIZE) == Range(*expected)


@pytest.mark.parametrize("header", UNSATISFIABLE, ids=lambda value: str(value)[:24])
def test_it_signals_an_unsatisfiable_range(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, SIZE)


@pytest.mark.parametrize("header", IGNORED)
def test_it_ignores_what_is_malformed_several_or_of_another_unit(header: str | None) -> None:
    assert parse_range(header, SIZE) is None


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=5-9", "bytes=-0"])
def test_an_empty_object_has_no_byte_to_give(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 0)


@pytest.mark.parametrize("header", [None, "bytes=-1", "bytes=-500", "bytes=1-0", "bytes=-"])
def test_an_empty_object_is_given_whole_to_the_rest(header: str | None) -> None:
    assert parse_range(header, 0) is None


@given(header=st.text() | st.from_regex(r"bytes=[0-9]*-[0-9]*", fullmatch=True), size=st.integers(0, 2**50))
@example(header="bytes=-5", size=3)
def test_no_header_leads_outside_the_object(header: str, size: int) -> None:
    try:
        found = parse_range(header, size)
    except RangeNotSatisfiable:
        return
    assert found is None or 0 <= found.start < found.stop <= size


# --- The response -----------------------------------------------------------------------------------------
@pytest.fixture
def ask(local: LocalStorage) -> Ask:
    """Asks for the object of DATA: ``ask(method, header=value, …)`` with underscores for dashes."""
    put(local, KEY, DATA)

    def ask(method: str = "GET", *, size: int = SIZE, etag: str = ETAG, **headers: str) -> HttpResponseBase:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = RequestFactory().generic(method, "/recording", headers=named)
        return ranged_response(
            request,
            storage=local,
            key=KEY,
            size=size,
            etag=etag,
            last_modified=MODIFIED,
            content_type="audio/wav",
            headers={"Cache-Control": "private", "Content-Disposition": 'inline; filename="a.wav"'},
        )

    return ask


def body(response: HttpResponseBase) -> bytes:
    data = b"".join(response)
    response.close()
    return data


@pytest.mark.parametrize(
    ("headers", "status", "content_range", "expected"),
    [
        ({}, 200, None, DATA),
        ({"Range": "bytes=0-0"}, 206, "bytes 0-0/1000", DATA[:1]),
        ({"Range": "bytes=10-19"}, 206, "bytes 10-19/1000", DATA[10:20]),
        ({"Range": "bytes=990-"}, 206, "bytes 990-999/1000", DATA[990:]),
        ({"Range": "bytes=-5"}, 206, "bytes 995-999/1000", DATA[995:]),
        ({"Range": "bytes=0-"}, 206, "bytes 0-999/1000", DATA),
        ({"Range": "bytes=900-5000"}, 206, "bytes 900-999/1000", DATA[900:]),
        ({"Range": "bytes=1000-"}, 416, "bytes */1000", b""),
        ({"Range": "bytes=-0"}, 416, "bytes */1000", b""),
        ({"Range": "bytes=0-0,5-5"}, 200, None, DATA),
        ({"Range": "bytes=5-4"}, 200, None, DATA),
        ({"Range": "pages=1-2"}, 200, None, DATA),
        # If-Range: only a strong match of tag or date makes the range count.
        ({"Range": "bytes=0-0", "If-Range": ETAG}, 206, "bytes 0-0/1000", DATA[:1]),
        ({"Range": "bytes=0-0", "If-Range": '"another"'}, 200, None, DATA),
        ({"Range": "bytes=0-0", "If-Range": f"W/{ETAG}"}, 200, None, DATA),
        ({"Range": "bytes=0-0", "If-Range": MODIFIED_TEXT}, 206, "bytes 0-0/1000", DATA[:1]),
        ({"Range": "bytes=0-0", "If-Range": EARLIER}, 200, None, DATA),
        ({"Range": "bytes=0-0", "If-Range": LATER}, 200, None, DATA),
        ({"Range": "bytes=0-0", "If-Range": "nonsense"}, 200, None, DATA),
        ({"Range": "bytes=1000-", "If-Range": '"another"'}, 200, None, DATA),
        ({"Range": "bytes=1000-", "If-Range": ETAG}, 416, "bytes */1000", b""),
        ({"If-Range": '"another"'}, 200, None, DATA),
        # If-None-Match and If-Modified-Since come before any range.
        ({"If-None-Match": ETAG}, 304, None, b""),
        ({"If-None-Match": f"W/{ETAG}"}, 304, None, b""),
        ({"If-None-Match": f'"another", {ETAG}'}, 304, None, b""),
        ({"If-None-Match": "*"}, 304, None, b""),
        ({"If-None-Match": '"another"'}, 200, None, DATA),
        ({"If-None-Match": ETAG, "Range": "bytes=0-0"}, 304, None, b""),
        ({"If-None-Match": ETAG, "Range": "bytes=1000-"}, 304, None, b""),
        ({"If-None-Match": '"another"', "Range": "bytes=0-0"}, 206, "bytes 0-0/1000", DATA[:1]),
        ({"If-Modified-Since": MODIFIED_TEXT}, 304, None, b""),
        ({"If-Modified-Since": LATER}, 304, None, b""),
        ({"If-Modified-Since": EARLIER}, 200, None, DATA),
        ({"If-Modified-Since": "nonsense"}, 200, None, DATA),
        ({"If-Modified-Since": MODIFIED_TEXT, "Range": "bytes=0-0"}, 304, None, b""),
        ({"If-None-Match": '"another"', "If-Modified-Since": LATER}, 200, None, DATA),
        ({"If-None-Match": ETAG, "If-Modified-Since": EARLIER}, 304, None, b""),
        # If-Match and If-Unmodified-Since.
        ({"If-Match": ETAG, "Range": "bytes=0-0"}, 206, "bytes 0-0/1000", DATA[:1]),
        ({"If-Match": '"another"'}, 412, None, b""),
        ({"If-Match": '"another"', "Range": "bytes=0-0"}, 412, None, b""),
        ({"If-Unmodified-Since": EARLIER}, 412, None, b""),
        ({"If-Unmodified-Since": MODIFIED_TEXT}, 200, None, DATA),
    ],
    ids=str,
)
def test_a_get_is_answered_by_the_rfc(
    ask: Ask, headers: dict[str, str], status: int, content_range: str | None, expected: bytes
) -> None:
    response = ask("GET", **headers)
    assert (response.status_code, response.get("Content-Range"), body(response)) == (
        status,
        content_range,
        expected,
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Range": "bytes=0-0"}, 200),
        ({"Range": "bytes=1000-"}, 200),
        ({"If-None-Match": ETAG}, 304),
        ({"If-Modified-Since": EARLIER}, 200),
        ({"If-Match": '"another"'}, 412),
    ],
    ids=str,
)
def test_a_head_has_no_ranges_and_no_body(ask: Ask, headers: dict[str, str], status: int) -> None:
    response = ask("HEAD", **headers)
    assert (response.status_code, response.get("Content-Range"), body(response)) == (status, None, b"")


@pytest.mark.parametrize(
    ("method", "headers", "length"),
    [
        ("GET", {}, "1000"),
        ("GET", {"Range": "bytes=10-19"}, "10"),
        ("GET", {"Range": "bytes=1000-"}, "0"),
        ("HEAD", {}, "1000"),
    ],
    ids=str,
)
def test_the_length_is_that_of_what_is_sent(
    ask: Ask, method: str, headers: dict[str, str], length: str
) -> None:
    response = ask(method, **headers)
    assert response["Content-Length"] == length
    response.close()


@pytest.mark.parametrize(
    ("method", "range_header"),
    [("GET", ""), ("GET", "bytes=0-0"), ("HEAD", "")],
)
def test_every_answer_with_content_carries_the_facts(ask: Ask, method: str, range_header: str) -> None:
    response = ask(method, Range=range_header)
    response.close()
    assert {name: response[name] for name in response.headers if name != "Content-Length"} == {
        "Content-Type": "audio/wav",
        "Accept-Ranges": "bytes",
        "ETag": ETAG,
        "Last-Modified": MODIFIED_TEXT,
        "Cache-Control": "private",
        "Content-Disposition": 'inline; filename="a.wav"',
        **({"Content-Range": "bytes 0-0/1000"} if range_header else {}),
    }


def test_not_modified_carries_its_validators_and_no_length(ask: Ask) -> None:
    response = ask(If_None_Match=ETAG)
    assert (response["ETag"], response["Last-Modified"]) == (ETAG, MODIFIED_TEXT)
    assert response["Cache-Control"] == "private"
    assert response.get("Content-Length", "0") == "0"


def test_an_etag_may_come_unquoted(ask: Ask) -> None:
    response = ask(etag="5d41402a", Range="bytes=0-0", If_Range=ETAG)
    assert (response.status_code, response["ETag"]) == (206, ETAG)
    response.close()


def test_a_weak_etag_never_lets_a_range_pass(ask: Ask) -> None:
    response = ask(etag=f"W/{ETAG}", Range="bytes=0-0", If_Range=f"W/{ETAG}")
    assert response.status_code == 200
    response.close()


# --- What it does with the store --------------------------------------------------------------------------
def test_it_reads_no_further_than_the_range(ask: Ask, local: LocalStorage) -> None:
    response = ask(Range="bytes=10-19")
    assert b"".join(response) == DATA[10:20]
    assert file_position(local.local_path(KEY)) == 20
    response.close()


def test_closing_the_response_closes_the_file(ask: Ask, local: LocalStorage) -> None:
    response = ask(Range="bytes=10-")
    assert file_position(local.local_path(KEY)) == 10
    response.close()
    with pytest.raises(AssertionError, match="is not open"):
        file_position(local.local_path(KEY))


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"If-None-Match": ETAG}),
        ("GET", {"Range": "bytes=1000-"}),
    ],
    ids=str,
)
def test_an_answer_without_content_leaves_the_store_alone(
    ask: Ask, local: LocalStorage, method: str, headers: dict[str, str]
) -> None:
    local.delete(KEY)
    assert ask(method, **headers).status_code < 500


def test_a_missing_object_is_known_before_the_answer(ask: Ask, local: LocalStorage) -> None:
    local.delete(KEY)
    with pytest.raises(ObjectMissing):
        ask()


def test_an_object_shorter_than_its_record_is_known_before_the_answer(ask: Ask, local: LocalStorage) -> None:
    # Holding the exception holds its frames, so only an explicit close can have closed the file.
    with pytest.raises(StorageError, match="shorter than its 1001 bytes on record") as _held:
        ask(size=SIZE + 1)
    with pytest.raises(AssertionError, match="is not open"):
        file_position(local.local_path(KEY))


@pytest.mark.parametrize(
    ("range_header", "status"), [("", 200), ("bytes=-5", 200), ("bytes=0-", 416), ("bytes=0-0", 416)]
)
def test_an_empty_object_is_served(ask: Ask, local: LocalStorage, range_header: str, status: int) -> None:
    put(local, KEY, b"")
    response = ask(size=0, Range=range_header)
    assert (response.status_code, response["Content-Length"], body(response)) == (status, "0", b"")


def test_a_big_object_is_served_from_its_end_at_once(ask: Ask, local: LocalStorage, tmp_path: Path) -> None:
    with local.local_path(KEY).open("wb") as file:
        file.truncate(2**33)
    response = ask(size=2**33, Range="bytes=-3")
    assert response["Content-Range"] == "bytes 8589934589-8589934591/8589934592"
    assert body(response) == b"\0\0\0"
