from typing import ClassVar

from django.core.validators import MaxValueValidator
from django.db import models

from calls.dialer.models.account import CallingNumber
from calls.dialer.models.ids import new_public_id
from partners.models import Partner, SubTenant

MOST_RETRIES = 20


class Switch(models.TextChoices):
    """Whether a batch is dialled. It starts by itself with its first contacts, unless somebody stopped it."""

    IDLE = "idle", "not started"
    STARTED = "started", "started"
    STOPPED = "stopped", "stopped"


class Batch(models.Model):
    """Contacts to be dialled under the same rules (dialer spec, createBatch)."""

    public_id = models.CharField("id", max_length=24, default=new_public_id, unique=True, editable=False)
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Whoever made it: its callbacks are signed for them.
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    numbers = models.ManyToManyField(CallingNumber, related_name="batches")
    retry = models.PositiveSmallIntegerField(
        "further tries", default=0, validators=[MaxValueValidator(MOST_RETRIES)]
    )
    delay = models.PositiveIntegerField("seconds between tries", default=0)
    time_zone = models.CharField(max_length=64, blank=True)
    # Both or neither: without them the house's hours hold (calls.dialer.hours).
    hours_start = models.TimeField(null=True)
    hours_end = models.TimeField(null=True)
    allowed_days = models.JSONField(default=list, help_text="0 is Sunday; empty allows all.")
    callback_url = models.CharField(max_length=2048, blank=True)
    switch = models.CharField(max_length=8, choices=Switch.choices, default=Switch.IDLE)
    # When a call of it was begun last: batches take turns.
    dialled_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    request_id = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "batches"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # an account's batches, newest first
            models.Index(fields=["sub_tenant", "-id"], name="batch_newest")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_dialled(self) -> bool:
        return self.switch == Switch.STARTED and self.deleted_at is None


class Enqueue(models.Model):
    """A request that added contacts, known by its body: sent again, only what failed of it is done."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="+", db_index=False)
    digest = models.CharField(max_length=64)
    first_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "digest"], name="enqueue_unique_in_batch")
        ]
        indexes: ClassVar = [
            # what is too old to be known
            models.Index(fields=["first_at"], name="enqueue_first")
        ]

    def __str__(self) -> str:
        return self.digest[:12]


class EnqueuedChunk(models.Model):
    """A chunk of the request that is stored; written with its contacts, so that it is done or is not."""

    enqueue = models.ForeignKey(Enqueue, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    number = models.PositiveIntegerField(help_text="From 1.")
    contact_ids = models.JSONField(help_text="Public ids, in the order of the records that the chunk stores.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enqueue", "number"], name="enqueued_chunk_once")
        ]

    def __str__(self) -> str:
        return f"chunk {self.number}"
