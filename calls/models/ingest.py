import uuid
from typing import ClassVar

from django.db import models

from calls.models.call import Call
from partners.models import Partner, SubTenant


class Outcome(models.TextChoices):
    ACCEPTED = "accepted", "accepted"
    DUPLICATE = "duplicate", "known, nothing to do"
    CONFLICT = "conflict", "known with other content, nothing changed"
    TAKEN_UP = "taken_up", "had failed, taken up again with another URL"


class IngestBatch(models.Model):
    """One ingest request that was accepted."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="ingest_batches")
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+")
    request_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "ingest batches"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # the console's search box
            models.Index(fields=["request_id"], name="ingest_batch_request"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class IngestItem(models.Model):
    """One element of the request, in its place, and what came of it."""

    # No index of its own: it leads the unique constraint.
    batch = models.ForeignKey(IngestBatch, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.PositiveIntegerField()
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="ingest_items")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    conflicts = models.JSONField(default=list, help_text="Fields that differ from the call we hold.")

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "position"], name="ingest_item_position_unique")
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}[{self.position}]"
