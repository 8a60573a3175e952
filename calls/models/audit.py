from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from calls.models.call import Call
from partners.models import SubTenant


class AccessKind(models.TextChoices):
    LISTEN = "listen", "listened"
    DOWNLOAD = "download", "downloaded"
    EXPORT = "export", "exported"
    PAUSE = "pause", "paused the recording of"
    RESUME = "resume", "resumed the recording of"


class AccessRecord(models.Model):
    """Who heard, took or paused which recording, when and from where. Written once, never edited."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    # The name as it was then; the link only where it was a person of ours.
    actor = models.CharField(max_length=255)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    # An export is one row, of no single call: ``subject`` names it.
    call = models.ForeignKey(Call, on_delete=models.CASCADE, null=True, related_name="access_records")
    subject = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=8, choices=AccessKind.choices)
    at = models.DateTimeField()
    # A player asks for many ranges: listens count once per person, call and ten minutes.
    slot = models.PositiveBigIntegerField(null=True, editable=False)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["call", "actor", "slot"],
                condition=Q(kind="listen"),
                name="listen_once_in_ten_minutes",
            )
        ]
        indexes: ClassVar = [
            # the console: what one person took, what left an account, newest first
            models.Index(fields=["actor", "-id"], name="access_by_actor"),
            models.Index(fields=["sub_tenant", "-id"], name="access_by_sub_tenant"),
            # the console: a day's
            models.Index(fields=["at"], name="access_at"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.get_kind_display()} {self.call or self.subject}"
