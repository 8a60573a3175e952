from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from partners.models.partner import Partner
from partners.models.tenancy import SubTenant


class Scope(models.TextChoices):
    INGEST = "ingest", "push calls and dispositions"
    READ = "read", "ask for the state of calls"
    RECORDINGS = "recordings", "fetch recordings"


def all_scopes() -> list[str]:
    return list(Scope.values)


class ApiKey(models.Model):
    """A partner's key. Only a peppered digest of its secret is here; the secret was shown once."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="keys")
    key_id = models.CharField(max_length=64, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    pepper_version = models.PositiveIntegerField(editable=False)
    label = models.CharField(max_length=255, blank=True)
    scopes = models.JSONField(default=all_scopes)
    sub_tenant = models.ForeignKey(
        SubTenant,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text="Binds the key to one sub-tenant; empty allows all that the partner is granted.",
    )
    sandbox = models.BooleanField(
        default=False, help_text="Everything works, but nothing is kept longer than a day."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(key_id__startswith="zpk_"), name="api_key_id_has_prefix")
        ]

    def __str__(self) -> str:
        return self.label or self.key_id

    def is_usable(self, now: datetime | None = None) -> bool:
        now = now or timezone.now()
        expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not expired and self.partner.is_active

    def allows(self, scope: Scope) -> bool:
        return scope in self.scopes
