"""That the demo would notice contacts who were not dialled as they should be."""

from dataclasses import replace
from typing import Any

import pytest

from demo import dialling
from demo.dialling import EXPECTED, Dialled


def contact(phone: str, status: str, calls: int = 1) -> dict[str, Any]:
    return {"phoneNumber": f"+{phone}", "status": status, "phoneLogs": [{}] * calls}


TAKEN = {"data": {"added": len(EXPECTED), "callIds": list(EXPECTED)}}
CONTACTS = [contact(phone, status) for phone, status in EXPECTED.items()]
GOOD = Dialled(added=TAKEN, again=TAKEN, contacts=CONTACTS, recordings=[b"RIFF"] * 3)


def test_it_finds_no_difference_where_there_is_none() -> None:
    assert list(dialling.of_dialled(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"again": {"data": {"added": 5, "callIds": []}}}, "sent again"),
        ({"contacts": [contact("12125551004", "busy")]}, "+12125551004 is busy, not completed"),
        ({"contacts": [contact("17025550002", "busy", 2)]}, "+17025550002 was called 2 times"),
        ({"recordings": [b"RIFF", b"<htm", b"RIFF"]}, "2 recordings"),
    ],
)
def test_it_names_what_differs(changes: dict[str, Any], difference: str) -> None:
    assert difference in "\n".join(dialling.of_dialled(replace(GOOD, **changes)))
