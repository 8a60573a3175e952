"""The bodies of the ingest measurement: 50 calls each, as in the partner documents' example."""

import json
from typing import Any

CALLS_PER_BODY = 50
_AGENTS_PER_BODY = 10
# So many bodies before an agent comes again: agents are known, and requests side by side seldom share one.
_AGENT_GROUPS = 16


def bodies(start: int, count: int) -> list[bytes]:
    """Bodies number `start` and following; no call id is in two of them."""
    return [_body(number) for number in range(start, start + count)]


def _body(number: int) -> bytes:
    first = number * CALLS_PER_BODY
    group = number % _AGENT_GROUPS
    items = [_item(first + position, group) for position in range(CALLS_PER_BODY)]
    return json.dumps({"data": items}).encode()


def _item(number: int, group: int) -> dict[str, Any]:
    agent = f"agent-{group}-{number % _AGENTS_PER_BODY}"
    # Two calls of the same customer, one after the other.
    customer = f"customer-{number // 2}"
    minute = number % 60
    return {
        "call": {
            "id": f"call-{number}",
            "recording_url": f"https://recordings.example.com/calls/{number}.mp3",
            "start_time": f"2023-01-01T10:{minute:02}:00Z",
            "end_time": f"2023-01-01T11:{minute:02}:30Z",
            "contact_number": f"+1{4155550000 + number}",
        },
        "agent": {"id": agent, "email": f"{agent}@example.com", "name": "John Doe"},
        "customer": {
            "id": customer,
            "name": "Jane Smith",
            "email": f"{customer}@example.com",
            "disposition_status": "interested",
        },
        "industry": "Technology",
        "function": "Sales",
        "callback_url": f"https://hooks.example.com/calls/{number}",
        "metadata": {"campaign": "Q1 Outreach", "source": "Website", "attempt": 1},
        "custom_fields": [{"internal_name": "language", "value": "en"}],
    }
