"""What every surface turns its wire format into before the domain sees it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any


@dataclass(frozen=True, slots=True)
class AgentDraft:
    """None means not given, and leaves what is known as it is."""

    external_id: str
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerDraft:
    external_id: str
    name: str | None = None
    email: str | None = None
    disposition: str | None = None


@dataclass(frozen=True)  # no slots: what is computed once is kept beside the fields
class CallDraft:
    """A call as somebody hands it in; times are aware."""

    external_id: str
    recording_url: str
    started_at: datetime
    ended_at: datetime | None
    customer_phone: str
    agent: AgentDraft
    customer: CustomerDraft
    callback_url: str = ""
    metadata: dict[str, str | int | float] = field(default_factory=dict)
    custom_fields: list[dict[str, Any]] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """A short digest per field, named ``started_at``, ``agent.name`` or ``extras.industry``."""
        return {name: _digest(value) for name, value in self._content() if value not in (None, "")}

    def _content(self) -> Iterator[tuple[str, Any]]:
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if isinstance(value, AgentDraft | CustomerDraft):
                yield from ((f"{name}.{inner.name}", getattr(value, inner.name)) for inner in fields(value))
            elif name == "extras":
                yield from ((f"extras.{key}", inner) for key, inner in value.items())
            else:
                yield name, value


def differing_fields(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Names of the fields in which two fingerprints differ, sorted."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _digest(value: Any) -> str:
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat()
    # Text is marked, because "1" and 1 are not the same.
    text = f'"{value}' if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
