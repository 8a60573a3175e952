"""Further columns of a manifest: what was signalled of each call, and its custom data.

Which columns there are is written down when the export is ordered, with the names of that moment. Packing may
be begun again hours later by another worker, and a supplement later still: all write one header, so that
their manifests fit together. What the cells hold is read when a call's turn comes, like all else of its row.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from calls.models import CustomField, CustomValue, Signal, SignalName
from partners.models import SubTenant

_SIGNAL, _CUSTOM = "signal", "custom"
_VALUES = {True: "true", False: "false"}


@dataclass(frozen=True, slots=True)
class Columns:
    """In their order, as ``(kind, primary key of the name, name)``."""

    places: tuple[tuple[str, int, str], ...] = ()

    @classmethod
    def of_account(cls, sub_tenant: SubTenant) -> Self:
        """One for each signal, then one for each field of custom data, by name."""
        signals = SignalName.objects.filter(sub_tenant=sub_tenant).values_list("pk", "name")
        fields = CustomField.objects.filter(sub_tenant=sub_tenant).values_list("pk", "name")
        places = [(_SIGNAL, *signal) for signal in signals] + [(_CUSTOM, *field) for field in fields]
        return cls(tuple(places))

    @classmethod
    def read(cls, stored: Iterable[tuple[str, int, str]]) -> Self:
        """What :meth:`stored` gave, after its way through JSON."""
        return cls(tuple((kind, pk, name) for kind, pk, name in stored))

    def stored(self) -> list[tuple[str, int, str]]:
        return list(self.places)

    @property
    def titles(self) -> list[str]:
        """``signal:<name>``, ``custom:<name>``."""
        return [f"{kind}:{name}" for kind, _, name in self.places]

    def cells(self, calls: Collection[int]) -> dict[int, list[str]]:
        """The texts of each of the calls by its primary key; at most two statements, whatever their number.

        A signal is ``true`` where it was met at least once, ``false`` where it was reported and never met.
        """
        rows = {call: [""] * len(self.places) for call in calls}
        place_of = {(kind, pk): place for place, (kind, pk, _) in enumerate(self.places)}
        for kind, call, pk, text in self._found(calls):
            # What was named since it was ordered has no column.
            if (kind, pk) in place_of:
                rows[call][place_of[kind, pk]] = text
        return rows

    def _found(self, calls: Collection[int]) -> Iterator[tuple[str, int, int, str]]:
        kinds = {kind for kind, *_ in self.places}
        if _SIGNAL in kinds:
            # What was met comes last, and stays.
            current = Signal.objects.filter(call__in=calls, is_current=True).order_by("value")
            for call, name, value in current.values_list("call_id", "name_id", "value"):
                yield _SIGNAL, call, name, _VALUES[value]
        if _CUSTOM in kinds:
            values = CustomValue.objects.filter(call__in=calls).order_by()
            for call, field, text in values.values_list("call_id", "field_id", "value"):
                yield _CUSTOM, call, field, text
