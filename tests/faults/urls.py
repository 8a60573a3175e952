"""Hostile URLs through the whole product, set as in production, in a network where every packet is heard."""

import functools
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote, unquote

from tests.faults.apart import NO_SUCH_NAME, PUBLIC, SERVER_FAILURE, Canary, Resolver, own_wire, seen_apart
from tests.faults.check import Outcome, check
from tests.faults.stack import Stack, item
from tests.hostile.urls import ANSWERS, LOCATIONS, hostile_urls
from tests.support import audio

DNS_SECONDS = 2
PROXY = "http://10.9.8.7:3128"
PASSWORD = "netrc-secret"
GOOD = f"http://{PUBLIC}/a.wav"
REBINDING = [f"rebinding-{number}.example" for number in range(5)]
DEAD = {
    "nowhere.example": NO_SUCH_NAME,
    "empty.example": (),
    "broken.example": SERVER_FAILURE,
    "silent.example": None,
}
NAMES = {
    "good.example": (PUBLIC,),
    **{f"{name}.example": answer for name, answer in ANSWERS.items()},
    # Asked again, they lead elsewhere.
    **{name: [(PUBLIC,), ("10.0.0.1", "127.0.0.1")] for name in REBINDING},
    **DEAD,
}


@check("hostile recording URL: refused, no packet leaves")
def recording_urls() -> Outcome:
    return _outcome("recording_urls")


@check("hostile redirect: refused, no packet leaves")
def redirects() -> Outcome:
    return _outcome("redirects")


@check("hostile callback URL: refused, no packet leaves")
def callback_urls() -> Outcome:
    return _outcome("callback_urls")


@check("hostile answer of the resolver: refused, no packet leaves")
def names() -> Outcome:
    return _outcome("names")


@check("a name that does not resolve: closed, and in time")
def dead_names() -> Outcome:
    return _outcome("dead_names")


@check("proxies and .netrc of the environment: not used")
def environment() -> Outcome:
    return _outcome("environment")


def _outcome(name: str) -> Outcome:
    outcomes = _all()
    if isinstance(outcomes, Exception):
        raise outcomes
    return outcomes[name]


@functools.cache
def _all() -> dict[str, Outcome] | Exception:
    """All of them at once, in one network with one stack; an error once, not once for each."""
    try:
        return seen_apart(run_apart)
    except (subprocess.CalledProcessError, RuntimeError) as error:
        return error


def run_apart() -> dict[str, Outcome]:
    with own_wire(NAMES) as (canary, resolver), _server() as requests, _stack() as stack:
        trial = _Trial(stack, canary)
        redirects = [_redirect_to(location) for location in [*hostile_urls("http"), *LOCATIONS]]
        return {
            "recording_urls": trial.refuses(recordings=hostile_urls("http")),
            "redirects": trial.refuses(recordings=redirects),
            "callback_urls": trial.refuses(callbacks=hostile_urls("https")),
            "names": _names(trial, resolver),
            "dead_names": _dead_names(trial),
            "environment": _environment(trial, requests),
        }


def _names(trial: "_Trial", resolver: Resolver) -> Outcome:
    hosts = [f"{name}.example" for name in ANSWERS]
    outcome = trial.refuses(recordings=[f"http://{host}/a.wav" for host in hosts])
    outcome.add(trial.refuses(callbacks=[f"https://{host}/" for host in hosts]))
    outcome.add(trial.takes([f"http://{host}/a.wav" for host in ["good.example", *REBINDING]]))
    for host in REBINDING:
        lookups = resolver.asked.count(host) / 2  # for A and for AAAA
        outcome.expect(lookups == 1, f"{host} was looked up {lookups:g} times")
    return outcome


def _dead_names(trial: "_Trial") -> Outcome:
    outcome = trial.refuses(recordings=[f"http://{host}/a.wav" for host in DEAD])
    outcome.add(trial.refuses(callbacks=[f"https://{host}/" for host in DEAD]))
    for table in ("calls_fetchattempt", "partners_attempt"):
        for error, ms in trial.stack.rows(
            f"SELECT error, duration_ms FROM {table} WHERE error LIKE 'the name %'"
        ):
            outcome.expect(ms <= (DNS_SECONDS + 2) * 1000, f"{error}, but only after {ms} ms")
    return outcome


def _environment(trial: "_Trial", requests: list[Message]) -> Outcome:
    outcome = trial.takes([GOOD, "http://good.example/a.wav"])
    sent = [headers for headers in requests if "Authorization" in headers]
    outcome.expect(not sent, f"{len(sent)} requests took the password of .netrc to a partner's server")
    return outcome


class _Trial:
    """Calls of one partner, each set of them taken in and waited for until all have ended."""

    def __init__(self, stack: Stack, canary: Canary) -> None:
        self.stack = stack
        self._canary = canary
        (self._partner,) = stack.partners("partner")
        self._count = 0

    def refuses(self, *, recordings: Sequence[str] = (), callbacks: Sequence[str] = ()) -> Outcome:
        """Each is refused at the door, or ends failed with a reason; no packet was heard."""
        outcome = Outcome()
        recording_of = {self._post(url): url for url in recordings}
        callback_of = {self._post(GOOD, url): url for url in callbacks}
        ends = self._ends(callbacks=bool(callbacks))
        for call, url in {**recording_of, **callback_of}.items():
            state, reason = ends.get(call, ("failed", "refused at the door"))
            told = bool(reason) and "internal error" not in reason
            outcome.expect(state == "failed" and told, f"{url}: ended {state} ({reason or 'no reason'})")
        outcome.violations += [f"a packet left for {heard}" for heard in self._canary.taken()]
        return outcome

    def takes(self, urls: Sequence[str]) -> Outcome:
        outcome = Outcome()
        calls = {self._post(url): url for url in urls}
        ends = self._ends(callbacks=False)
        for call, url in calls.items():
            outcome.expect(ends[call][0] == "done", f"{url}: ended {ends[call]}")
        outcome.violations += [f"a packet left for {heard}" for heard in self._canary.taken()]
        return outcome

    def _post(self, recording_url: str, callback_url: str | None = None) -> str:
        """The id of a call with these URLs; a call refused for one of them (422) is not there."""
        self._count += 1
        call = f"call-{self._count}"
        answer = self._partner.post(item(call, recording_url, callback_url))
        if answer.status_code not in (200, 422):
            raise RuntimeError(f"{recording_url} {callback_url}: {answer.status_code} {answer.text[:200]}")
        return call

    def _ends(self, *, callbacks: bool) -> dict[str, tuple[str, str]]:
        """Call id → state and error, of the callback or else of the recording."""
        self.stack.wait_until_fetched(seconds=90)
        if not callbacks:
            return self.stack.recordings()
        self.stack.wait_until_delivered(seconds=90)
        query = "SELECT body::json->>'call_id', state, last_error FROM partners_delivery"
        return {call: (state, error) for call, state, error in self.stack.rows(query)}


@contextmanager
def _stack() -> Iterator[Stack]:
    """As in production but for the pauses between tries, with everything misleading in its environment."""
    with tempfile.TemporaryDirectory() as folder:
        netrc = Path(folder, "netrc")
        netrc.write_text("default login me password secret\n")
        names = ("http_proxy", "https_proxy", "all_proxy")
        proxies = {name: PROXY for lower in names for name in (lower, lower.upper())}
        with Stack(
            FETCH_RETRY_STEPS="",
            CALLBACK_RETRY_STEPS="",
            OUTBOUND_DNS_SECONDS=str(DNS_SECONDS),
            NETRC=str(netrc),
            **proxies,
        ) as stack:
            yield stack


@contextmanager
def _server() -> Iterator[list[Message]]:
    """The one server that may be reached: a recording, and redirects to anywhere; the headers it was sent."""
    requests: list[Message] = []
    recording = audio.wav(0.2)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.headers)
            path, _, location = self.path.partition("?")
            if path == "/to":
                self._answer(302, location=unquote(location))
            elif path == "/a.wav":
                self._answer(200, recording)
            else:
                self._answer(404)

        def _answer(self, status: int, body: bytes = b"", location: str = "") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location.encode().decode("latin-1"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer((PUBLIC, 80), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield requests
        server.shutdown()


def _redirect_to(location: str) -> str:
    return f"http://{PUBLIC}/to?{quote(location, safe='')}"
