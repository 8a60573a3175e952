"""What became of a batch's contacts, as CSV: a row for each, with its last call."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from calls.dialer import selectors
from calls.dialer.models import Batch, Contact, PhoneLog
from calls.dialer.selectors import Standing
from calls.dialer.services.outcomes import recording_url
from zipingest.spreadsheets import BYTE_ORDER_MARK, neutralised

COLUMNS = (
    "callId",
    "phoneNumber",
    "status",
    "blockedBy",
    "nextAttemptAt",
    "calls",
    "callStatus",
    "callDuration",
    "recordingUrl",
    "calledAt",
    "createdAt",
)
# Variables that have a column of their own.
MOST_VARIABLES = 200


class _Line:
    """Where ``csv`` writes to; what it wrote last is the text."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def lines(batch: Batch) -> Iterator[str]:
    """The rows as text, read a thousand at a time; UTF-8 is meant, and formulas are neutralised."""
    names = [name for name in selectors.variable_names(batch, MOST_VARIABLES) if name not in COLUMNS]
    standing, line = Standing.of(batch), _Line()
    writer = csv.writer(line)
    writer.writerow(map(neutralised, (*COLUMNS, *names)))
    yield BYTE_ORDER_MARK + line.text
    for contact in selectors.all_contacts(batch):
        writer.writerow(map(neutralised, [*_cells(contact, standing), *_custom(contact, names)]))
        yield line.text


def _cells(contact: Contact, standing: Standing) -> tuple[str, ...]:
    calls = list(contact.phone_logs.all())
    waiting = selectors.waiting(contact, standing)
    return (
        contact.public_id,
        contact.phone,
        contact.status,
        waiting.blocked_by,
        _time(waiting.next_attempt_at),
        str(len(calls)),
        *_last(calls),
        _time(contact.created_at),
    )


def _last(calls: list[PhoneLog]) -> tuple[str, str, str, str]:
    if not calls:
        return "", "", "", ""
    last = calls[-1]
    duration = f"{last.seconds:.3f}".rstrip("0").rstrip(".")
    return last.status, duration, recording_url(last) or "", _time(last.begun_at)


def _custom(contact: Contact, names: list[str]) -> Iterator[str]:
    for name in names:
        yield _text(contact.variables.get(name, ""))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _time(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
