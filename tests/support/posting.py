"""A callback's post by itself, over a connection of its own."""

from collections.abc import Mapping

from partners.outbound import Line
from partners.outbound.line import Answer


def post(
    url: str, *, body: bytes = b"{}", headers: Mapping[str, str] | None = None, deadline_seconds: float = 5
) -> Answer:
    with Line() as line:
        return line.post(url, body=body, headers=headers or {}, deadline_seconds=deadline_seconds)
