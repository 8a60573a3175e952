from typing import ClassVar

from django.db import models
from django.db.models import Q

from calls.models.call import Call


class Pause(models.Model):
    """A span of a live call that must not be heard by anybody; without an end it runs to the call's end.

    It is written before the provider is asked. ``provider_error``: why the provider did not do its part, so
    that the span is taken for recorded.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="pauses")
    paused_at = models.DateTimeField()
    paused_by = models.CharField(max_length=255)
    resumed_at = models.DateTimeField(null=True)
    resumed_by = models.CharField(max_length=255, blank=True)
    provider_error = models.CharField(max_length=255, blank=True)
    alerted_at = models.DateTimeField(null=True, help_text="When somebody was told that it is overlong.")

    class Meta:
        ordering: ClassVar = ["paused_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["call"], condition=Q(resumed_at__isnull=True), name="pause_once_at_a_time"
            )
        ]
        indexes: ClassVar = [
            # the sweep: pauses that nobody was told of yet, the oldest first
            models.Index(fields=["paused_at"], condition=Q(alerted_at__isnull=True), name="pause_not_alerted")
        ]

    def __str__(self) -> str:
        return f"pause of {self.call} at {self.paused_at:%H:%M:%S}"
