"""A row that is work, and the lease that gives the right to write its outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone


class WorkState(models.TextChoices):
    DUE = "due", "waiting"
    LEASED = "leased", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    POISON = "poison", "poison"


# What a row loses with its lease.
RELEASED: dict[str, Any] = {"lease_until": None, "held_by": None}


class WorkItem(models.Model):
    """A row that is work. ``lane`` shares a cap and is served fairly; ``target`` shares a second cap."""

    state = models.CharField(max_length=8, choices=WorkState.choices, default=WorkState.DUE, editable=False)
    due_at = models.DateTimeField(editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    lease_epoch = models.PositiveIntegerField(default=0, editable=False)
    # The claim that holds the row: caps count claims, and one claim may hold several rows.
    held_by = models.UUIDField(null=True, editable=False)
    # Attempts that came to an outcome; a claim whose worker vanished counts as an expiry instead.
    attempts = models.PositiveIntegerField(default=0, editable=False)
    crashes = models.PositiveIntegerField(default=0, editable=False)
    expiries = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    lane = models.CharField(max_length=64, editable=False)
    target = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        abstract = True
        indexes: ClassVar = [
            # claim: the lanes that have something due, and the oldest due row of a lane
            models.Index(fields=["lane", "due_at"], condition=Q(state="due"), name="%(class)s_due"),
            # claim: what runs now; sweep: whose lease ran out
            models.Index(fields=["lease_until"], condition=Q(state="leased"), name="%(class)s_leased"),
        ]

    @property
    def next_attempt_at(self) -> datetime | None:
        return self.due_at if self.state == WorkState.DUE else None

    @property
    def has_ended(self) -> bool:
        return self.state in (WorkState.DONE, WorkState.FAILED, WorkState.POISON)


class LeaseLost(Exception):
    """Somebody else holds the row now; nothing of ours may be written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one row's outcome, until somebody else claims it."""

    model: type[WorkItem]
    pk: int
    epoch: int
    expiries: int = 0
    lane: str = ""
    target: str = ""

    def write(self, **fields: Any) -> None:
        """Set ``fields`` of the row while it is ours; raises LeaseLost and writes nothing otherwise."""
        held = self.model._default_manager.filter(pk=self.pk, state=WorkState.LEASED, lease_epoch=self.epoch)
        if not held.update(**fields):
            raise LeaseLost(f"{self.model.__name__} {self.pk} epoch {self.epoch}")

    def finish(self, **fields: Any) -> None:
        self._end(WorkState.DONE, last_error="", **fields)

    def fail(self, error: str, **fields: Any) -> None:
        self._end(WorkState.FAILED, last_error=error, **fields)

    def poison(self, error: str, **fields: Any) -> None:
        self._end(WorkState.POISON, last_error=error, **fields)

    def retry(self, error: str, *, delay: float, **fields: Any) -> None:
        """Put the row back, due in ``delay`` seconds."""
        due_at = database_now() + timedelta(seconds=delay)
        fields = {"attempts": F("attempts") + 1, **fields}
        self.put_back(due_at=due_at, last_error=error, **fields)

    def put_back(self, **fields: Any) -> None:
        """Let the row be claimed again; without ``fields`` as if it had not been claimed."""
        self.write(state=WorkState.DUE, **RELEASED, **fields)

    def extend(self) -> None:
        self.write(lease_until=database_now() + timedelta(seconds=settings.WORK_LEASE_SECONDS))

    def _end(self, state: WorkState, **fields: Any) -> None:
        self.write(state=state, **RELEASED, **{"attempts": F("attempts") + 1, **fields})


def finish_all(leases: Sequence[Lease], **fields: Any) -> None:
    """Finish rows of one kind in a statement per epoch; raises LeaseLost when any of them is no longer ours.

    Call it in a transaction, which then takes back what was written for the others.
    """
    epochs: dict[int, list[int]] = {}
    for lease in leases:
        epochs.setdefault(lease.epoch, []).append(lease.pk)
    rows = leases[0].model._default_manager.filter(state=WorkState.LEASED)
    fields = {"state": WorkState.DONE, "last_error": "", "attempts": F("attempts") + 1, **RELEASED, **fields}
    for epoch, pks in epochs.items():
        if rows.filter(pk__in=pks, lease_epoch=epoch).update(**fields) != len(pks):
            raise LeaseLost(f"{leases[0].model.__name__} {pks} epoch {epoch}")


def database_now() -> datetime:
    """The database's clock: workers on machines whose clocks differ must agree on what is due."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
