"""What is printed while the stack stays up: the console's sign-in and requests to try."""

import json
from collections.abc import Mapping

_FIRST_CALL = "my-first-call"


def library(url: str, name: str, password: str) -> str:
    """Where a supervisor listens, while the stack is up."""
    return f"""
The library is at {url}/library (the live call that was paused is its newest)
    user      {name}
    password  {password}"""


def guide(url: str, name: str, password: str, headers: Mapping[str, str], recording_url: str) -> str:
    """``recording_url`` is one that works as long as the demo stays up."""
    sent = "".join(f" \\\n    -H '{header}: {value}'" for header, value in headers.items())
    return f"""
The console is open at {url}/admin/
    user      {name}
    password  {password}
The API's documentation is at {url}/api/docs

A first request of your own (the demo serves the recording it names):

  curl -i {url}/api/v1/partner/ingest/batch-call{sent} \\
    -H 'Content-Type: application/json' \\
    -d '{json.dumps(_batch(recording_url))}'

What became of it:

  curl {url}/api/v1/partner/ingest/calls/{_FIRST_CALL}{sent}

Ctrl-C ends everything.
"""


def _batch(recording_url: str) -> dict[str, object]:
    call = {
        "id": _FIRST_CALL,
        "recording_url": recording_url,
        "start_time": "2023-01-01T10:00:00Z",
        "end_time": "2023-01-01T10:30:00Z",
        "contact_number": "+1234567890",
    }
    return {"data": [{"call": call, "agent": {"id": "agent123"}, "customer": {"id": "customer123"}}]}
