"""What must hold after the batch. Each check yields the differences it finds, as plain sentences."""

import hashlib
import io
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from demo.calls import DemoCall, Failed, Stored
from demo.partner import METADATA, Partner
from demo.stack import own_session
from tests.support import audio
from tests.support.partner_server import Received

SAMPLE_RATE = 8000
# AAC and MP3 encoders add up to a few frames of silence at either end.
SLACK_SECONDS = 0.15
# The share of a channel's energy at its tone: lossy codecs and silence at the ends take a little.
MIN_TONE = 0.9


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a call: its answer of the status endpoint, and what its partner's server saw.

    ``signed`` says of each callback whether its signature is valid. ``recordings`` are the stored WAVs with
    the SHA-256 that the status names, ``originals`` the kept files with the bytes that were served.
    """

    call: DemoCall
    status: Mapping[str, Any]
    downloads: int
    callbacks: Sequence[Received]
    signed: Sequence[bool]
    recordings: Sequence[Path]
    originals: Sequence[Path]

    @property
    def is_stored(self) -> bool:
        return bool(self.status["state"] == "completed")

    @property
    def failed_as_it_should(self) -> bool:
        return isinstance(self.call.expected, Failed) and not list(_of_state(self))

    @property
    def callback_is_verified(self) -> bool:
        return bool(self.signed) and all(self.signed)


def outcome(
    call: DemoCall, status: Mapping[str, Any], partner: Partner, files: Mapping[Path, str]
) -> Outcome:
    """``files``: everything in the storage, as `stored_files` gives it."""
    callbacks = partner.callbacks(call)
    return Outcome(
        call=call,
        status=status,
        downloads=partner.downloads(call),
        callbacks=callbacks,
        signed=[partner.signature_is_valid(callback) for callback in callbacks],
        recordings=_find(files, ".wav", (status["recording"] or {}).get("sha256", "")),
        originals=_find(files, ".original", hashlib.sha256(call.body).hexdigest()),
    )


def stored_files(folder: Path) -> dict[Path, str]:
    """The SHA-256 of every file below ``folder``."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def of_call(outcome: Outcome) -> Iterator[str]:
    yield from _of_state(outcome)
    yield from _of_traffic(outcome)
    for callback, signed in zip(outcome.callbacks, outcome.signed, strict=True):
        yield from _of_callback(outcome.status, callback, signed=signed)
    expected = outcome.call.expected
    if isinstance(expected, Stored) and outcome.is_stored:
        yield from _of_facts(outcome.status["recording"], expected)
        yield from _of_kept(outcome, expected)


def of_files(files: Mapping[Path, str], outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Only the completed calls' recordings and originals may lie in the storage."""
    stored = [outcome for outcome in outcomes if outcome.is_stored]
    ours = {path for outcome in stored for path in (*outcome.recordings, *outcome.originals)}
    for path in files.keys() - ours:
        yield f"{path} belongs to no completed call"


def of_batch_answer(response: requests.Response, *, duplicates: int) -> Iterator[str]:
    if response.status_code != 200 or response.json() != {"success": True}:
        yield f"the batch was answered {response.status_code} {response.text[:300]}"
    if response.headers.get("X-Duplicates") != str(duplicates):
        yield f"X-Duplicates is {response.headers.get('X-Duplicates')}, not {duplicates}"


def of_disposition(
    answer: requests.Response, rows: Sequence[Mapping[str, Any]], *, customer: str, code: str
) -> Iterator[str]:
    """``rows``: the customers and the changes of their dispositions, as dumpdata gives them."""
    if answer.status_code != 200 or answer.json() != {"success": True}:
        yield f"the disposition was answered {answer.status_code} {answer.text[:300]}"
    ours = [row for row in rows if row["fields"].get("external_id") == customer]
    if [row["fields"]["disposition"] for row in ours] != [code]:
        yield f"the disposition of {customer} is not {code}: {ours}"
    keys = [row["pk"] for row in ours]
    history = [row["fields"]["new"] for row in rows if row["fields"].get("customer") in keys]
    if history != ["new", code]:
        yield f"the disposition of {customer} went through {history}, not “new”, “{code}”"


def of_console(url: str, name: str, password: str) -> Iterator[str]:
    page = _signed_in(f"{url}/admin/login/", name, password, to="/admin/")
    if page.status_code != 200 or page.url != f"{url}/admin/":
        yield f"signing in to the console ended at {page.url} with {page.status_code}"


def of_library(url: str, name: str, password: str, *, phone: str) -> Iterator[str]:
    """The library's first page shows the call with ``phone``."""
    page = _signed_in(f"{url}/login", name, password, to="/library")
    if page.status_code != 200 or page.url != f"{url}/library":
        yield f"signing in to the library ended at {page.url} with {page.status_code}"
    elif phone not in page.text:
        yield f"the library does not show the call with {phone}"


def _signed_in(door: str, name: str, password: str, *, to: str) -> requests.Response:
    """The page ``to``, where a browser comes to by signing in."""
    with own_session() as browser:
        browser.get(door, timeout=30)
        token = browser.cookies.get("csrftoken")
        fields = {"username": name, "password": password, "next": to, "csrfmiddlewaretoken": token}
        return browser.post(door, data=fields, headers={"Referer": door}, timeout=30)


def _find(files: Mapping[Path, str], suffix: str, sha256: str) -> list[Path]:
    return [path for path, digest in files.items() if path.suffix == suffix and digest == sha256]


def _of_state(outcome: Outcome) -> Iterator[str]:
    expected, status = outcome.call.expected, outcome.status
    state = "failed" if isinstance(expected, Failed) else "completed"
    if status["state"] != state:
        yield f"the state is {status['state']}, not {state} (error: {status['error']})"
    elif isinstance(expected, Failed) and expected.reason not in (status["error"] or ""):
        yield f"the error is “{status['error']}”, without “{expected.reason}”"
    elif isinstance(expected, Stored) and status["error"] is not None:
        yield f"it completed with an error: {status['error']}"


def _of_traffic(outcome: Outcome) -> Iterator[str]:
    """Exactly one download and one callback; a second try only where the first was answered 503."""
    downloads = 2 if outcome.call.stumbles else 1
    if outcome.downloads != downloads:
        yield f"the recording was asked for {outcome.downloads} times, not {downloads}"
    callbacks = 2 if outcome.call.callback_stumbles else 1
    if len(outcome.callbacks) != callbacks:
        yield f"{len(outcome.callbacks)} callbacks arrived, not {callbacks}"
    if len({callback.headers["webhook-id"] for callback in outcome.callbacks}) > 1:
        yield "the tries of the callback do not share one webhook-id"


def _of_callback(status: Mapping[str, Any], callback: Received, *, signed: bool) -> Iterator[str]:
    if not signed:
        yield "the callback's signature is not valid"
    body = callback.json()
    told: dict[str, Any] = {
        "call_id": status["id"],
        "status": status["state"],
        "error": status["error"],
        "meta": METADATA,
    }
    for name, value in told.items():
        if body.get(name) != value:
            yield f"the callback's {name} is {body.get(name)!r}, not {value!r}"
    facts, results = status["recording"] or {}, body.get("results") or {}
    if any(results.get(name) != value for name, value in facts.items()):
        yield f"the callback's results {results} are not the facts of the status answer"


def _of_facts(facts: Mapping[str, Any], expected: Stored) -> Iterator[str]:
    for name, value in {"codec": expected.codec, "channels": len(expected.tones)}.items():
        if facts[name] != value:
            yield f"its {name} is given as {facts[name]}, not {value}"
    if abs(facts["duration_seconds"] - expected.seconds) > SLACK_SECONDS:
        yield f"its duration is given as {facts['duration_seconds']} s, not {expected.seconds} s"


def _of_kept(outcome: Outcome, expected: Stored) -> Iterator[str]:
    if len(outcome.originals) != 1:
        yield f"what was served is kept {len(outcome.originals)} times, not once"
    if len(outcome.recordings) != 1:
        yield f"{len(outcome.recordings)} stored files have the SHA-256 of the status answer, not one"
    for path in outcome.recordings:
        yield from _of_wav(path.read_bytes(), expected)


def _of_wav(content: bytes, expected: Stored) -> Iterator[str]:
    try:
        with wave.open(io.BytesIO(content)) as file:
            form = (file.getframerate(), file.getsampwidth() * 8, file.getnchannels())
            seconds = file.getnframes() / file.getframerate()
    except (wave.Error, EOFError) as error:
        yield f"the stored file is no WAV: {error}"
        return
    wanted = (SAMPLE_RATE, 16, len(expected.tones))
    if form != wanted:
        yield f"the stored WAV has {form} (Hz, bits, channels), not {wanted}"
    elif abs(seconds - expected.seconds) > SLACK_SECONDS:
        yield f"the stored WAV lasts {seconds:.2f} s, not {expected.seconds} s"
    else:
        yield from _of_tones(content, expected.tones)


def _of_tones(content: bytes, tones: Sequence[float]) -> Iterator[str]:
    for channel, tone in enumerate(tones):
        share = audio.level(content, channel, tone)
        if share < MIN_TONE:
            yield f"channel {channel} of the stored WAV is not the {tone:g} Hz served (share {share:.2f})"
