"""Packing recordings into one ZIP: flat memory, every entry verified before it counts.

The pieces fit together like this::

    with closing(read_ahead(rows, storage)) as outcomes, Archive(writer) as archive:
        for row, outcome in outcomes:
            if isinstance(outcome, EntryFailed):
                ...  # the row is not included, and the archive goes on
            else:
                archive.add(names.name(...), outcome, modified=row.started_at)
        archive.add("manifest.csv", manifest.content(), modified=now)

Nothing here knows rows, jobs or requests.
"""

from exports.packaging.archive import Archive, ArchiveTotals
from exports.packaging.content import Content, EntryDamaged, EntryFailed, EntryMissing
from exports.packaging.names import EntryNames, entry_name
from exports.packaging.reading import read_ahead
from exports.packaging.verify import Wanted

__all__ = [
    "Archive",
    "ArchiveTotals",
    "Content",
    "EntryDamaged",
    "EntryFailed",
    "EntryMissing",
    "EntryNames",
    "Wanted",
    "entry_name",
    "read_ahead",
]
