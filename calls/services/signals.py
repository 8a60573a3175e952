"""Signals and custom data of calls: handed in with a call, or reported of it later (network spec)."""

from collections.abc import Sequence
from datetime import datetime

from calls.drafts import CallDraft
from calls.models import CustomValue, Signal
from zipingest import bulk


def note_of_new(calls: Sequence[tuple[int, CallDraft]], now: datetime) -> None:
    """Write what the drafts say of calls just made, which come with their keys; part of that transaction."""
    bulk.insert_rows(
        Signal,
        ("call_id", "name_id", "partner_unique_id", "occurred_at", "value"),
        [
            (pk, signal.name_id, signal.partner_unique_id, signal.occurred_at or now, signal.value)
            for pk, draft in calls
            for signal in draft.signals
        ],
        same={"created_at": now},
    )
    bulk.insert_rows(
        CustomValue,
        ("call_id", "field_id", "value"),
        [(pk, custom.field_id, custom.value) for pk, draft in calls for custom in draft.custom_data],
        same={"changed_at": now},
    )
