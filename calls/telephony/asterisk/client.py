"""Requests of ARI, and what its answers mean whatever was asked.

The user and password go with each request as its Authorization header; queries are logged in many places.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings

from calls.telephony.port import NotDone, NotPossible, TelephonyError, Unavailable, Unsure
from partners.outbound import Credentials, OutboundError
from partners.outbound.service import NotSent, call_service, stream_service

_MOST_BYTES = 256 * 1024
_LONGEST_WORDS = 120
# Of channels and recordings; never one that leads to another path.
_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9._:@-]{1,128}")


@dataclass(frozen=True, slots=True)
class Answer:
    """``data``: the JSON that came with it, None where there was none."""

    status: int
    data: Any

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    def error(self) -> TelephonyError:
        """What an answer means that is none of those expected."""
        if self.status == 401:
            return NotDone("Asterisk refuses the user or the password (ARI_USER, ARI_PASSWORD)")
        words = f"Asterisk answered {self.status}{self._words()}"
        return NotDone(words) if 400 <= self.status < 500 else Unsure(words)

    def _words(self) -> str:
        said = self.data.get("message") if isinstance(self.data, dict) else None
        return f": {said[:_LONGEST_WORDS]}" if isinstance(said, str) and said else ""


def is_id(text: str) -> bool:
    """Whether Asterisk may have a channel of this id."""
    return _ID.fullmatch(text) is not None


def url_of(*path: str, **query: str | int) -> str:
    """The address of an operation, whose ``path`` is given in its segments."""
    address = "/".join([settings.ARI_URL, *(quote(part, safe="") for part in path)])
    return f"{address}?{urlencode(query)}" if query else address


def credentials() -> Credentials:
    pair = f"{settings.ARI_USER}:{settings.ARI_PASSWORD}".encode()
    return Credentials(headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"})


def ask(method: str, *path: str, **query: str | int) -> Answer:
    """Raises Unavailable where nothing was sent, Unsure where no answer came."""
    shown = credentials()
    try:
        answer = call_service(
            method,
            url_of(*path, **query),
            credentials=shown,
            deadline_seconds=settings.ARI_TIMEOUT_SECONDS,
            max_bytes=_MOST_BYTES,
        )
    except NotSent as error:
        raise Unavailable(f"Asterisk cannot be reached: {error.reason}") from None
    except OutboundError as error:
        raise Unsure(f"Asterisk did not answer: {error.reason}") from None
    return Answer(answer.status, _parsed(shown.masked(answer.body.decode(errors="replace"))))


def stream(*path: str) -> Iterator[bytes]:
    """A file in pieces, under the caps of every fetch. Raises TelephonyError."""
    try:
        with stream_service(
            url_of(*path),
            credentials=credentials(),
            deadline_seconds=settings.FETCH_DEADLINE_SECONDS,
            max_bytes=settings.FETCH_MAX_BYTES,
        ) as (status, pieces):
            if status != 200:
                raise Answer(status, None).error() if status != 404 else NotPossible("there is no recording")
            yield from pieces
    except OutboundError as error:
        refusal = NotPossible if error.permanent and not isinstance(error, NotSent) else Unavailable
        raise refusal(f"the recording did not come from Asterisk: {error.reason}") from None


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
