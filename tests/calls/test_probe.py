"""What a partner is told of its recordings before they are taken in: the words of a fetch, within seconds."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from calls.services import probe
from calls.services.probe import Probe, TooManyAtOnce, probe_recordings
from partners.outbound import addresses
from tests.calls.audio.processes import helper_pids, until
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.work.fetching import fetched

NO_AUDIO = b"#EXTM3U\n"
LATE = "not answered within 1 seconds"


@pytest.fixture(scope="module", autouse=True)
def _helpers():
    """Up before the first probe: starting one takes longer than some tests here allow for all."""
    wav = audio.wav(0.1)
    with PartnerServer() as server:
        probe_recordings([server.serve("/warm.wav", wav)])
    yield
    probe._the_engine().close()
    probe._the_engine.cache_clear()


@pytest.fixture
def server():
    with PartnerServer() as server:
        yield server


def look(url: str) -> Probe:
    (found,) = probe_recordings([url])
    return found


# --- What is found ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: audio.wav(2.0, channels=2), ("wav", 2, 2.0)),
        (lambda: audio.wav(40.0), ("wav", 1, 40.0)),
        (lambda: audio.mp3(2.0), ("mp3", 1, 2.0)),
        (lambda: audio.aac(2.0), ("aac", 1, 2.0)),
        (lambda: audio.m4a(2.0), ("mp4", 1, 2.0)),
    ],
    ids=["wav", "long wav", "mp3", "aac", "m4a"],
)
def test_it_tells_format_channels_and_duration(server, make, expected):
    found = look(server.serve("/a.bin", make(), content_type="text/html"))
    assert (found.reachable, found.problem) == (True, None)
    assert (found.format, found.channels) == expected[:2]
    assert found.duration_seconds == pytest.approx(expected[2], abs=0.05)


def test_what_the_beginning_does_not_tell_is_left_open_and_no_problem(server, monkeypatch):
    monkeypatch.setattr(probe, "HEAD_BYTES", 5_000)
    assert look(server.serve("/a.mp4", audio.mp4(2.0))) == Probe(reachable=True, format="mp4")


def test_it_reads_no_more_than_the_beginning(server):
    look(server.serve("/a.wav", audio.wav(1.0)))
    assert server.requests[0].headers["Range"] == f"bytes=0-{probe.HEAD_BYTES - 1}"


def test_the_answers_stand_in_the_order_of_the_urls(server):
    good = server.serve("/a.wav", audio.wav(0.5), drip=(2000, 0.01))
    bad = [server.serve(f"/{index}", NO_AUDIO) for index in range(20)]
    urls = [*bad[:10], "ftp://a/", good, *bad[10:], good]
    assert [found.format for found in probe_recordings(urls)] == [*[None] * 11, "wav", *[None] * 10, "wav"]


def test_a_url_given_many_times_is_asked_once(server):
    found = probe_recordings([server.serve("/a.wav", audio.wav(0.5))] * 50)
    assert {each.format for each in found} == {"wav"}
    assert server.count("/a.wav") == 1


def test_nothing_is_asked_where_nothing_is_given():
    assert probe_recordings([]) == []


# --- What is wrong ----------------------------------------------------------------------------------------
SIGN_IN = b'<html><form>Sign in<input type="password"></form></html>'
NOT_RECORDINGS = {
    "missing": lambda server: server.serve("/a.wav", status=404),
    "forbidden": lambda server: server.serve("/a.wav", b"<Error/>", status=403),
    "page": lambda server: server.serve("/a.wav", b"<html>hello", content_type="text/html; charset=utf-8"),
    "sign-in page": lambda server: server.serve("/a.wav", SIGN_IN, content_type="text/html"),
    "playlist": lambda server: server.serve("/a.wav", NO_AUDIO),
    "flac": lambda server: server.serve("/a.wav", audio.flac()),
    "empty": lambda server: server.serve("/a.wav"),
    "cut wav": lambda server: server.serve("/a.wav", audio.truncated(audio.wav(40.0), 0.7)),
    "six channels": lambda server: server.serve("/a.wav", audio.wav(channels=6)),
    "too large": lambda server: server.serve("/a.wav", bytes(1_000_001)),
    "compressed": lambda server: server.serve("/a.wav", b"x", headers={"Content-Encoding": "gzip"}),
    "private address": lambda server: server.redirect("/a.wav", "http://10.0.0.1/a.wav"),
    "no url": lambda server: "http://me:secret@127.0.0.1/a.wav",
    "refused": lambda server: "http://127.0.0.1:9/a.wav",
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", NOT_RECORDINGS)
def test_a_problem_is_told_in_the_words_of_a_fetch(server, settings, name):
    settings.FETCH_MAX_BYTES = 1_000_000
    url = NOT_RECORDINGS[name](server)
    assert look(url).problem == fetched(url).last_error != ""


@pytest.mark.parametrize(("name", "reachable"), [("missing", False), ("refused", False), ("page", True)])
def test_reachable_is_what_answers_with_a_body(server, name, reachable):
    assert look(NOT_RECORDINGS[name](server)).reachable is reachable


def test_what_the_helper_refuses_still_has_its_format(server):
    assert look(server.serve("/a.wav", audio.wav(channels=6))).format == "wav"


# --- Presigned URLs ---------------------------------------------------------------------------------------
def presigned(url: str, expires_at: datetime) -> str:
    signed_at = expires_at - timedelta(hours=1)
    return f"{url}?X-Amz-Date={signed_at:%Y%m%dT%H%M%SZ}&X-Amz-Expires=3600&X-Amz-Signature=f00"


def test_it_tells_when_a_presigned_url_ends(server):
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    found = look(presigned(server.serve("/a.wav", audio.wav(0.5)), expires_at))
    assert (found.url_expires_at, found.format, found.problem) == (expires_at, "wav", None)


def test_a_presigned_url_that_has_ended_is_not_asked(server):
    expires_at = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
    found = look(presigned(server.serve("/a.wav", audio.wav(0.5)), expires_at))
    assert found == Probe(
        url_expires_at=expires_at, problem="the URL is no longer valid since 2026-06-01 12:30 UTC"
    )
    assert server.count("/a.wav") == 0


# --- Servers that take their time -------------------------------------------------------------------------
def dripping():
    while True:
        time.sleep(0.05)
        yield b"H"


SLOW: dict[str, Callable[[PartnerServer], str]] = {
    "never answers": lambda server: server.script("/slow", dripping),
    "drips": lambda server: server.serve("/slow", audio.wav(9.0), drip=(100, 0.05)),
    "hangs": lambda server: server.serve("/slow", audio.wav(9.0), hold=threading.Event(), hold_after=9_000),
}


@pytest.mark.parametrize("name", SLOW)
def test_one_that_does_not_end_in_time_is_told_so_and_no_other_is_delayed(server, name):
    urls = [SLOW[name](server), *(server.serve(f"/{index}", NO_AUDIO) for index in range(12))]
    began = time.monotonic()
    slow, *others = probe_recordings(urls, seconds=1)
    assert time.monotonic() - began < 1.5
    assert slow == Probe(problem=LATE)
    assert {found.problem for found in others} == {"the file is an HLS playlist, not audio"}


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    hang = threading.Event()
    monkeypatch.setattr(addresses, "lookup", lambda host, port: hang.wait(10) and [])
    began = time.monotonic()
    (found,) = probe_recordings(["http://recordings.example/a.wav"], seconds=0.5)
    hang.set()
    assert found == Probe(problem="not answered within 0.5 seconds")
    assert time.monotonic() - began < 1


def test_fifty_that_hang_take_no_longer_than_one_and_leave_no_thread(server):
    urls = [server.serve(f"/{index}", NO_AUDIO, hold=threading.Event()) for index in range(50)]
    began = time.monotonic()
    found = probe_recordings(urls, seconds=1)
    assert time.monotonic() - began < 1.5
    assert {each.problem for each in found} == {
        LATE,
        "not tried: the other recordings took all of the 1 seconds",
    }
    assert until(lambda: not probing_threads(), seconds=1), "threads outlive the deadline"


def test_one_host_is_asked_for_no_more_than_five_at_once(server):
    release = threading.Event()
    urls = [server.serve(f"/{index}", NO_AUDIO, hold=release) for index in range(20)]
    threading.Timer(0.5, release.set).start()
    seen = at_its_most(lambda: len(server.requests), during=lambda: probe_recordings(urls), until=release)
    assert seen == 5
    assert len(server.requests) == 20


def at_its_most(count: Callable[[], int], *, during: Callable[[], object], until: threading.Event) -> int:
    """The highest ``count`` before the event, while another thread does something."""
    worker = threading.Thread(target=during)
    worker.start()
    highest = 0
    while not until.wait(0.01):
        highest = max(highest, count())
    worker.join()
    return highest


def test_a_host_that_hangs_leaves_room_for_the_others(server):
    hanging = [server.serve(f"/{index}", NO_AUDIO, hold=threading.Event()) for index in range(45)]
    for index in range(5):
        server.serve(f"/quick/{index}", NO_AUDIO)
    quick = [server.url(f"/quick/{index}", host="127.1") for index in range(5)]
    found = probe_recordings([*hanging, *quick], seconds=1)
    assert [each.reachable for each in found] == [*[False] * 45, *[True] * 5]


def test_many_requests_at_once_are_refused_and_taken_again_later(server):
    release = threading.Event()
    url = server.serve("/a.wav", NO_AUDIO, hold=release)
    first = [threading.Thread(target=look, args=(f"{url}?{index}",)) for index in range(2)]
    for thread in first:
        thread.start()
    server.wait_for("/a.wav", 2)
    with pytest.raises(TooManyAtOnce):
        look(url)
    release.set()
    for thread in first:
        thread.join()
    assert look(url).reachable


def test_one_that_answers_too_late_to_be_looked_at_ends_no_helper(server, monkeypatch):
    monkeypatch.setattr(probe, "_LEAST_SECONDS", 60)
    before = helper_pids()
    found = look(server.serve("/a.wav", audio.wav(0.5)))
    assert (found.format, found.problem) == ("wav", "answered too late to be looked at")
    assert helper_pids() == before


def test_a_server_that_cannot_be_reached_is_left_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/a.wav"
        assert probe_recordings([url], seconds=0.5) == [Probe(problem="not answered within 0.5 seconds")]


def probing_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("probe")]
