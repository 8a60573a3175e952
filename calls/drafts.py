"""What every surface turns its wire format into before the domain sees it."""

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from hashlib import blake2b
from operator import attrgetter
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


NOBODY = AgentDraft("")


@dataclass(frozen=True, slots=True)
class SignalDraft:
    """What is said of a signal; ``name_id`` is our row's."""

    name_id: int
    value: bool = True
    partner_unique_id: str = ""
    occurred_at: datetime | None = None
    revenue: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CustomDraft:
    """What a field of custom data is to hold; ``field_id`` is our row's."""

    field_id: int
    value: str


@dataclass(frozen=True)  # no slots: what is computed once is kept beside the fields
class CallDraft:
    """A call as somebody hands it in; times are aware.

    ``recording_url`` is an address of the web or of another source (calls.sources); ``auth_id`` and
    ``campaign_id`` are our rows' ids. Without an agent it is NOBODY's.
    """

    external_id: str
    recording_url: str
    started_at: datetime
    ended_at: datetime | None
    customer_phone: str
    customer: CustomerDraft
    agent: AgentDraft = NOBODY
    callback_url: str = ""
    our_phone: str = ""
    direction: str = ""
    language: str = ""
    campaign_id: int | None = None
    auth_id: int | None = None
    signals: tuple[SignalDraft, ...] = ()
    custom_data: tuple[CustomDraft, ...] = ()
    metadata: dict[str, str | int | float] = field(default_factory=dict)
    custom_fields: list[dict[str, Any]] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """A short digest per field, named ``started_at``, ``agent.name`` or ``extras.industry``."""
        content = dict(zip(_NAMES, _VALUES(self), strict=True))
        content |= {f"extras.{key}": value for key, value in self.extras.items()}
        return {name: _digest(value) for name, value in content.items() if value not in _NOTHING}


def differing_fields(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Names of the fields in which two fingerprints differ, sorted."""
    if old == new:
        return []
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _names_within(draft: type[Any], prefix: str = "") -> list[str]:
    """Every field of a draft, those of its people as ``agent.name``; extras apart, whose keys vary."""
    names = []
    for each in fields(draft):
        if isinstance(each.type, type) and is_dataclass(each.type):
            names += _names_within(each.type, f"{each.name}.")
        elif each.name != "extras":
            names.append(f"{prefix}{each.name}")
    return names


_NOTHING: tuple[Any, ...] = (None, "", ())
_NAMES = _names_within(CallDraft)
_VALUES = attrgetter(*_NAMES)


def _digest(value: Any) -> str:
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat()
    # Text is marked, because "1" and 1 are not the same.
    return _hashed(f'"{value}') if isinstance(value, str) else _hashed(_ENCODER.encode(value))


_ENCODER = json.JSONEncoder(sort_keys=True, default=asdict)


@lru_cache(maxsize=1024)
def _hashed(text: str) -> str:
    """Kept for a while: the calls of a batch have agents, campaigns and codes in common."""
    return blake2b(text.encode(), digest_size=8).hexdigest()
