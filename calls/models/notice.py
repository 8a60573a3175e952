from typing import ClassVar

from django.db import models
from django.db.models import Q

from calls.models.recording import Recording
from partners.models import SubTenant


class FailureNotice(models.Model):
    """A recording that could not be had, of which the account's notification address is to be told."""

    # No index of its own: it leads the unique constraint.
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="+", db_index=False)
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.PositiveIntegerField()
    reason = models.TextField()
    failed_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["recording", "run"], name="failure_notice_once_per_run")
        ]
        indexes: ClassVar = [
            # what is still to be told, account by account
            models.Index(
                fields=["sub_tenant", "id"], condition=Q(told_at__isnull=True), name="failure_notice_untold"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recording}: {self.reason}"
