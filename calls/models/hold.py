from typing import ClassVar

from django.db import models
from django.db.models import Q

from calls.models.call import Call


class LegalHold(models.Model):
    """Nothing of the call may be removed while one is active, whatever its retention says."""

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=500)
    placed_by = models.CharField(max_length=255)
    placed_at = models.DateTimeField()
    released_by = models.CharField(max_length=255, blank=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["call"], condition=Q(released_at__isnull=True), name="hold_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"hold on {self.call}"
