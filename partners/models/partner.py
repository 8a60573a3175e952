from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from partners.models.tenancy import SubTenant
from zipingest import crypto


class Partner(models.Model):
    """A company that integrates with us. The request quota is the partner's, whatever key it uses."""

    name = models.CharField(max_length=255, unique=True)
    is_active = models.BooleanField(default=True, help_text="Unset to refuse every key of this partner.")
    rate_limit = models.PositiveIntegerField(
        "requests per minute", default=settings.PARTNER_RATE_LIMIT, validators=[MinValueValidator(1)]
    )
    sub_tenants = models.ManyToManyField(SubTenant, through="Grant", related_name="partners")
    # Encrypted: we must be able to sign with them. The old one signs too until the rotation is over.
    webhook_secret = models.TextField(editable=False)
    old_webhook_secret = models.TextField(blank=True, editable=False)
    webhook_secret_rotated_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    def webhook_secrets(self) -> list[str]:
        """The secrets to sign with now, newest first: two while a rotation is going on, else one."""
        sealed = [self.webhook_secret]
        if self.rotation_ends_at and timezone.now() < self.rotation_ends_at:
            sealed.append(self.old_webhook_secret)
        return [crypto.decrypt(secret) for secret in sealed]

    @property
    def rotation_ends_at(self) -> datetime | None:
        """Until when the old secret signs too, or did; None where there was no other secret."""
        if self.webhook_secret_rotated_at is None:
            return None
        return self.webhook_secret_rotated_at + timedelta(seconds=settings.WEBHOOK_ROTATION_SECONDS)


class Grant(models.Model):
    """The partner may act for this sub-tenant."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="grants")
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="grants")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["partner", "sub_tenant"], name="grant_unique_per_sub_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.partner} for {self.sub_tenant}"
