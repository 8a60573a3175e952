"""Why does a partner refuse our callback? What was received is checked as the partner's library checks it.

Nothing of it is kept, and no secret leaves this module.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from partners.models import Delivery, Partner
from zipingest import crypto

# What the libraries of Standard Webhooks allow between the timestamp and the receiver's clock.
TOLERANCE_SECONDS = 300
NAMES = ("id", "timestamp", "signature")

# A header as people paste it: a line of HTTP, an option of curl, JSON, a dict of Python, CGI's variables, a
# line of a log with several.
_HEADER = re.compile(
    r"""webhook[-_](id|timestamp|signature)\b ["']? \s* (?: [:=]>? | , ) \s*  # the name, and what follows
    \[? \s* b?["']? ((?:(?!webhook[-_])[^"'\r\n])*)""",
    re.IGNORECASE | re.VERBOSE,
)
_AROUND = " \t,;}]"  # what JSON has around a number, and a log between two
_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_STRING_OR_SPACE = re.compile(r'("(?:\\.|[^"\\])*")|\s+')


@dataclass(frozen=True, slots=True)
class Finding:
    """``kind`` is that of a badge: success, info, warning, danger."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """``findings``: the verdict on the signature first. ``delivery``: ours of that webhook-id, if any."""

    findings: Sequence[Finding]
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class _Received:
    webhook_id: str
    timestamp: datetime
    signatures: Sequence[str]

    def is_signed(self, secret: str, body: str) -> bool:
        # Not the library's verify(): that would judge the timestamp first, by the time at which support asks.
        expected = Webhook(secret).sign(self.webhook_id, self.timestamp, body)
        return any(hmac.compare_digest(expected.encode(), given.encode()) for given in self.signatures)


class _Malformed(Exception):
    """The text says what is wrong with the headers."""


def check(*, partner: Partner, body: str, headers: str, received_at: datetime | None = None) -> Checked:
    """What is to be said of a callback that the partner received.

    ``headers`` in whatever form they were pasted; ``received_at`` by the receiver's clock, now unless given.
    """
    try:
        received = _parse(headers)
    except _Malformed as error:
        return Checked([Finding("danger", "A header is malformed", str(error))])
    rows = Delivery.objects.select_related("partner").filter(webhook_id=received.webhook_id[:128])
    delivery = rows.first()
    verdict = _verdict(partner, received, body, delivery)
    return Checked([verdict, *_known(delivery), _clock(received.timestamp, received_at)], delivery)


# --- Headers ----------------------------------------------------------------------------------------------
def _parse(text: str) -> _Received:
    found = {name.lower(): value.strip(_AROUND) for name, value in reversed(_HEADER.findall(text))}
    missing = [f"webhook-{name}" for name in NAMES if not found.get(name)]
    if missing:
        raise _Malformed(f"There is no {' and no '.join(missing)}.")
    if not _SECONDS.fullmatch(found["timestamp"]):
        raise _Malformed("webhook-timestamp is not a number of seconds since 1970.")
    timestamp = datetime.fromtimestamp(int(found["timestamp"]), UTC)
    return _Received(found["id"], timestamp, _signatures(found["signature"]))


def _signatures(value: str) -> list[str]:
    """Those of version 1; others are of versions that nobody knows yet, and are passed over."""
    signatures = [one for one in value.split() if one.startswith("v1,")]
    if not signatures:
        raise _Malformed("webhook-signature has no part that begins with v1 and a comma.")
    if not any(map(_is_whole, signatures)):
        raise _Malformed("webhook-signature is not whole: after “v1,” come 32 bytes in base64.")
    return signatures


def _is_whole(signature: str) -> bool:
    try:
        return len(base64.b64decode(signature.removeprefix("v1,"), validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


# --- The signature ----------------------------------------------------------------------------------------
def _verdict(partner: Partner, received: _Received, body: str, delivery: Delivery | None) -> Finding:
    if found := _signed_by(partner, received, body):
        return found
    ours = delivery.body if delivery else body.strip()
    if _signed_by(partner, received, ours):
        return Finding("danger", "The body was changed", _difference(ours, body))
    if delivery and any(_signed_by(delivery.partner, received, one) for one in (body, ours)):
        text = f"It is a callback of {delivery.partner}, signed with the secret of that partner."
        return Finding("danger", "Another partner's secret", text)
    return Finding("danger", "The signature does not match", _NO_MATCH if delivery else _NO_MATCH_OF_UNKNOWN)


def _signed_by(partner: Partner, received: _Received, body: str) -> Finding | None:
    if received.is_signed(crypto.decrypt(partner.webhook_secret), body):
        return Finding("success", "Valid with the current secret", _VALID)
    old = partner.old_webhook_secret
    if old and received.is_signed(crypto.decrypt(old), body):
        return Finding("warning", "Valid with the old secret", _rotation(partner))
    return None


def _rotation(partner: Partner) -> str:
    ends = partner.rotation_ends_at
    assert ends is not None, "there is an old secret"
    if datetime.now(UTC) < ends:
        return f"It is being rotated out: until {_moment(ends)} its signature is sent beside the new one's."
    return f"It has been rotated out: callbacks have not carried its signature since {_moment(ends)}."


_VALID = "A receiver that refuses it uses another secret, verifies other bytes, or has a wrong clock."
_NO_MATCH = (
    "None of this partner's secrets made it, neither for this body nor for the one we sent: the timestamp or "
    "the signature was changed, or somebody else sent it."
)
_NO_MATCH_OF_UNKNOWN = (
    "None of this partner's secrets made it for this body and webhook-id: one of the two was changed, or "
    "somebody else sent it."
)


# --- The body ---------------------------------------------------------------------------------------------
def _difference(ours: str, given: str) -> str:
    """In which way ``given`` differs from what was signed; names of fields, never their values."""
    if given.strip() == ours:
        return f"Only whitespace was added before or after it, such as a newline at the end. {_AS_THEY_CAME}"
    if _compact(given) == _compact(ours):
        return f"Only whitespace differs. {_REWRITTEN}"
    if given.strip() and ours.startswith(given.strip()):
        return f"It was cut off: it has {len(given.strip())} of {len(ours)} characters."
    try:
        names = list(_differing(json.loads(ours), json.loads(given)))
    except (ValueError, RecursionError):
        return "What was pasted is not JSON, and not what we sent."
    if not names:
        return f"The values are the same, written another way (order of keys, escapes). {_REWRITTEN}"
    return f"Values differ: {', '.join(names)}."


_ABSENT = object()
_AS_THEY_CAME = "Verify the bytes as they came."
_REWRITTEN = f"The JSON was parsed and written anew. {_AS_THEY_CAME}"


def _compact(text: str) -> str:
    """JSON without the whitespace that stands outside its strings."""
    return _STRING_OR_SPACE.sub(lambda match: match[1] or "", text)


def _differing(ours: Any, given: Any, name: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(given, dict):
        for key in sorted(ours.keys() | given.keys()):
            of_ours, of_given = ours.get(key, _ABSENT), given.get(key, _ABSENT)
            yield from _differing(of_ours, of_given, f"{name}.{key}".lstrip("."))
    elif ours != given or isinstance(ours, bool) is not isinstance(given, bool):
        yield name or "all of it"


# --- What else there is to say ----------------------------------------------------------------------------
def _known(delivery: Delivery | None) -> Iterator[Finding]:
    if delivery is None:
        text = "We have no callback of this id: it was changed, or its call was a sandbox key's and is gone."
        yield Finding("warning", "Unknown webhook-id", text)
    elif delivery.body == "{}":
        text = "The customer was erased: there is nothing left to compare with."
        yield Finding("warning", "The body is gone", text)


def _clock(timestamp: datetime, received_at: datetime | None) -> Finding:
    seconds = round(((received_at or datetime.now(UTC)) - timestamp).total_seconds())
    by = "the receiver's clock" if received_at else "now"
    side = "before" if seconds >= 0 else "after"
    text = f"It was signed at {_moment(timestamp)}, {abs(seconds)} s {side} {by}."
    if abs(seconds) <= TOLERANCE_SECONDS:
        return Finding("success", "The timestamp is recent", text)
    hint = "" if received_at else " Enter when it was received to learn whether the receiver's clock is off."
    text += f" Receivers take it within {TOLERANCE_SECONDS} s.{hint}"
    return Finding("warning", f"The clock is off by {abs(seconds)} s", text)


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
