from typing import ClassVar

from django.db import models

from partners.models.partner import Partner
from partners.models.tenancy import SubTenant


class EventFeed(models.Model):
    """How far the events of a partner in a sub-tenant are numbered. Whoever numbers holds the row's lock."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="feeds")
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="feeds")
    last = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["partner", "sub_tenant"], name="event_feed_unique_per_sub_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.partner} in {self.sub_tenant}: {self.last}"
