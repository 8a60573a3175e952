from typing import ClassVar

from django.db import models

from partners.models.partner import Partner


class Rejection(models.Model):
    """A request we refused: when, who, why. Kept for seven days, and never more than the bounds allow.

    Holds no body, no secret and no value of a field, only which fields were wrong and how.
    """

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, null=True, related_name="rejections")
    key_id = models.CharField(max_length=64, blank=True)
    status = models.PositiveIntegerField()
    message = models.CharField(max_length=255)
    errors = models.JSONField(default=list)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=512)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    # What repeats (an unknown key's address, a partner over its quota) has one row a minute and a count.
    slot = models.CharField(max_length=160, null=True, unique=True, editable=False)
    count = models.PositiveIntegerField("times", default=1)

    class Meta:
        verbose_name = "rejected request"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # the console: what a partner was refused, newest first
            models.Index(fields=["partner", "-id"], name="rejection_partner_newest"),
            # the console's search box, and the daily sweep
            models.Index(fields=["request_id"], name="rejection_request_id"),
            models.Index(fields=["at"], name="rejection_at"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.message}"


class RejectionCount(models.Model):
    """How many requests of a partner were refused on a day, those without a row of their own too."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="rejection_counts")
    day = models.DateField()
    status = models.PositiveIntegerField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-day", "status"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["partner", "day", "status"], name="rejection_count_unique")
        ]

    def __str__(self) -> str:
        return f"{self.count} times {self.status} on {self.day}"
