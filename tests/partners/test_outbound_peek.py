"""Looking at the beginning of a file: a few bytes and the size of the whole, whatever the server knows."""

import itertools
import time

import boto3
import pytest
from botocore.config import Config

from partners.outbound import (
    AddressRefused,
    BadStatus,
    CompressedBody,
    Credentials,
    DeadlineExceeded,
    InvalidUrl,
    NetworkFault,
    TooManyRedirects,
    Truncated,
    peek,
)
from tests.support.partner_server import PartnerServer
from tests.support.s3 import s3_server

BODY = bytes(range(256)) * 40
OK = b"HTTP/1.1 200 OK\r\n"
# What the two ends' socket buffers may hold beyond what was read.
MOST_IN_FLIGHT = 16 * 1024 * 1024


@pytest.fixture
def partner():
    with PartnerServer() as server:
        yield server


def look(url: str, *, max_bytes: int = 1000, deadline: float = 5, **options):
    return peek(url, max_bytes=max_bytes, deadline_seconds=deadline, **options)


def part(partner, content_range: str, body: bytes = BODY[:1000]) -> str:
    return partner.serve("/a.wav", body, status=206, headers={"Content-Range": content_range})


# --- A server that knows ranges ---------------------------------------------------------------------------
@pytest.fixture(scope="module")
def presigned(tmp_path_factory):
    """The presigned URL of a new object on a real S3 endpoint: ``presigned("a.wav", b"RIFF")``."""
    folder = tmp_path_factory.mktemp("s3")
    with s3_server(folder) as server:
        client = boto3.client(
            "s3",
            endpoint_url=server.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(signature_version="s3v4"),
        )

        def put(name: str, content: bytes) -> str:
            (folder / "content").write_bytes(content)
            server.storage("").put(name, folder / "content", content_type="audio/wav")
            return client.generate_presigned_url("get_object", {"Bucket": server.bucket, "Key": name})

        yield put


def test_of_a_presigned_url_it_takes_the_beginning_alone(presigned):
    got = look(presigned("a.wav", BODY))
    assert (got.head, got.total_bytes) == (BODY[:1000], len(BODY))


@pytest.mark.parametrize("size", [1, 999, 1000, 1001])
def test_of_a_small_object_it_takes_what_there_is(presigned, size):
    got = look(presigned(f"{size}.wav", BODY[:size]))
    assert (got.head, got.total_bytes) == (BODY[: min(size, 1000)], size)


def test_an_empty_object_is_empty_and_no_error(presigned):
    got = look(presigned("empty.wav", b""))
    assert (got.head, got.total_bytes) == (b"", 0)


def test_it_asks_for_the_bytes_it_wants_as_they_are(partner):
    got = look(
        partner.serve("/a.wav", BODY, content_type="audio/wav") + "?sig=1",
        credentials=Credentials(headers={"X-Token": "t"}),
    )
    headers = partner.requests[0].headers
    assert (headers["Range"], headers["Accept-Encoding"]) == ("bytes=0-999", "identity")
    assert headers["X-Token"] == "t"
    assert (got.final_url, got.content_type) == (partner.url("/a.wav?sig=1"), "audio/wav")


@pytest.mark.parametrize("status", [200, 206])
def test_a_part_is_a_part_under_either_status(partner, status):
    headers = {"Content-Range": "bytes 0-999/5000"}
    got = look(partner.serve("/a.wav", BODY[:1000], status=status, headers=headers))
    assert (got.status, got.head, got.total_bytes) == (status, BODY[:1000], 5000)


def test_a_server_that_gives_less_than_asked_is_believed(partner):
    got = look(part(partner, "bytes 0-9/5000", BODY[:10]))
    assert (got.head, got.total_bytes) == (BODY[:10], 5000)


def test_a_server_that_does_not_know_the_whole_leaves_it_open(partner):
    assert look(part(partner, "bytes 0-999/*")).total_bytes is None


def test_of_a_server_that_sends_more_than_the_part_no_more_is_taken(partner):
    got = look(part(partner, "bytes 0-9/10", BODY))
    assert (got.head, got.total_bytes) == (BODY[:10], 10)


def test_the_empty_answer_to_a_range_is_asked_for_without_one(partner):
    partner.serve("/a.wav", status=416, times=1)
    partner.serve("/a.wav", b"RIFF")
    assert look(partner.url("/a.wav")).head == b"RIFF"
    assert [request.headers["Range"] for request in partner.requests] == ["bytes=0-999", None]


@pytest.mark.parametrize(
    "content_range",
    ["", "bytes 1-999/5000", "bytes */5000", "bytes 0-x/5000", "items 0-9/10", f"bytes 0-{'9' * 30}/*"],
)
def test_another_part_than_the_one_asked_for_is_not_taken(partner, content_range):
    with pytest.raises(NetworkFault, match="another part of the file"):
        look(part(partner, content_range))


def test_a_part_larger_than_the_whole_is_not_taken(partner):
    with pytest.raises(NetworkFault, match="larger than the whole"):
        look(part(partner, "bytes 0-999/500"))


# --- A server that knows none -----------------------------------------------------------------------------
def test_of_a_whole_answer_it_reads_the_beginning_and_the_announced_size(partner):
    got = look(partner.serve("/a.wav", BODY))
    assert (got.status, got.head, got.total_bytes) == (200, BODY[:1000], len(BODY))


@pytest.mark.parametrize("size", [0, 999])
def test_what_ends_early_is_the_whole_even_unannounced(partner, size):
    got = look(partner.script("/a.wav", lambda: [b"HTTP/1.0 200 OK\r\n\r\n", BODY[:size]]))
    assert (got.head, got.total_bytes) == (BODY[:size], size)


def test_what_goes_on_unannounced_is_of_unknown_size(partner):
    got = look(partner.script("/a.wav", lambda: [b"HTTP/1.0 200 OK\r\n\r\n", BODY]))
    assert (got.head, got.total_bytes) == (BODY[:1000], None)


def test_of_an_endless_answer_no_more_is_read(partner):
    sent = []

    def endless():
        yield OK + b"\r\n"
        for piece in itertools.repeat(bytes(65536)):
            yield piece
            sent.append(len(piece))

    assert look(partner.script("/a.wav", endless), deadline=10).head == bytes(1000)
    assert sum(sent) < MOST_IN_FLIGHT


# --- The rules of a download ------------------------------------------------------------------------------
def test_it_follows_redirects_and_asks_there_for_the_same_bytes(partner):
    with PartnerServer() as other:
        partner.redirect("/a.wav", other.serve("/b.wav", BODY))
        got = look(partner.url("/a.wav"), credentials=Credentials(headers={"X-Token": "t"}))
        assert (got.head, got.final_url) == (BODY[:1000], other.url("/b.wav"))
        assert other.requests[0].headers["Range"] == "bytes=0-999"
        assert "X-Token" not in other.requests[0].headers


def test_it_follows_no_fourth_redirect(partner):
    with pytest.raises(TooManyRedirects):
        look(partner.redirect("/a.wav", "/a.wav"))


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://10.0.0.1/a.wav", AddressRefused),
        ("http://[::ffff:169.254.169.254]/", AddressRefused),
        ("ftp://127.0.0.1/a.wav", InvalidUrl),
    ],
)
def test_it_opens_nothing_that_is_not_public(partner, url, error):
    with pytest.raises(error):
        look(url)
    with pytest.raises(error):
        look(partner.redirect("/a.wav", url))


@pytest.mark.parametrize("status", [201, 204, 304, 403, 404, 503])
def test_a_bad_status_is_told(partner, status):
    with pytest.raises(BadStatus, match=f"the server answered {status}"):
        look(partner.serve("/a.wav", status=status))


def test_a_compressed_part_is_refused(partner):
    headers = {"Content-Encoding": "gzip", "Content-Range": "bytes 0-1/2"}
    with pytest.raises(CompressedBody):
        look(partner.serve("/a.wav", b"\x1f\x8b", status=206, headers=headers))


def test_a_beginning_cut_short_is_truncated(partner):
    with pytest.raises(Truncated):
        look(partner.serve("/a.wav", b"RIFF", headers={"Content-Length": "100"}))


def test_a_server_that_drips_is_left_at_the_deadline(partner):
    url, began = partner.serve("/a.wav", BODY, drip=(1, 0.05)), time.monotonic()
    with pytest.raises(DeadlineExceeded):
        look(url, deadline=0.5)
    assert time.monotonic() - began < 1.5
