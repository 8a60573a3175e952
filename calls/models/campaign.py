from typing import ClassVar

from django.db import models
from django.db.models import Q

from partners.models import SubTenant


class CampaignType(models.TextChoices):
    """Only calls made elsewhere belong to an external one (network document)."""

    STANDARD = "Standard", "standard"
    EXTERNAL_ONLY = "ExternalOnly", "external only"


class Campaign(models.Model):
    """What calls are made for. Its integer id is what the surfaces mean by ``campaign_id``."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=255)
    external_id = models.CharField("network's id", max_length=255, blank=True)
    type = models.CharField(
        "campaign type",
        max_length=12,
        choices=CampaignType.choices,
        default=CampaignType.STANDARD,
        db_default=CampaignType.STANDARD,
    )
    signal_ai = models.BooleanField("Signal AI", default=False, db_default=False)
    voice_signals = models.BooleanField(
        default=False, db_default=False, help_text="Whether at least one voice signal is enabled."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sub_tenant", "external_id"],
                condition=~Q(external_id=""),
                name="campaign_id_unique_in_sub_tenant",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_transcribed(self) -> bool:
        return self.signal_ai or self.voice_signals
