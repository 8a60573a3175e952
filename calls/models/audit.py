from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from calls.models.call import Call


class AccessKind(models.TextChoices):
    LISTEN = "listen", "listened"
    DOWNLOAD = "download", "downloaded"


class AccessRecord(models.Model):
    """Who heard or took which recording, when and from where. Written once, never edited."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="access_records")
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
                fields=["user", "call", "slot"], condition=Q(kind="listen"), name="listen_once_in_ten_minutes"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_kind_display()} {self.call}"
