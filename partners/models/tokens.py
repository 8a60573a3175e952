from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from partners.models.tenancy import SubTenant
from partners.models.user import Role, User


class Right(models.TextChoices):
    """What a member of an account may do; a machine's token names its rights as scopes (telesales spec)."""

    RECORDINGS_READ = "recordings:read", "list and stream recordings"
    RECORDINGS_DOWNLOAD = "recordings:download", "download recordings"
    EXPORTS = "exports", "make and download exports"
    CALLS_READ = "calls:read", "see calls and disposition codes"
    CALLS_WRITE = "calls:write", "register, pause, hang up and dispose calls"
    DISPOSITIONS_WRITE = "dispositions:write", "write disposition codes"
    ACCOUNT = "account", "manage people and retention"


class AccessToken(models.Model):
    """What is sent as ``Bearer <id>|<secret>``: a person's, by signing in, or a machine's, from the console.

    A person's token carries no role: what it may do is read from the user each time. Only a peppered
    digest of the secret is here. ``allowed_addresses`` holds networks (``192.0.2.0/24``); empty allows all.
    """

    # No index of its own: it leads the one below.
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="tokens", db_index=False
    )
    sub_tenant = models.ForeignKey(
        SubTenant, on_delete=models.CASCADE, null=True, blank=True, related_name="tokens"
    )
    role = models.CharField(max_length=10, choices=Role.choices, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    allowed_addresses = models.JSONField(default=list, blank=True)
    name = models.CharField(max_length=255, blank=True)
    digest = models.CharField(max_length=64, editable=False)
    pepper_version = models.PositiveIntegerField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, sub_tenant__isnull=True, role="")
                | (Q(user__isnull=True, sub_tenant__isnull=False) & ~Q(role="")),
                name="access_token_is_a_persons_or_a_machines",
            )
        ]
        indexes: ClassVar = [
            # revoking all of a person's tokens; the console's list of them
            models.Index(fields=["user", "-id"], name="access_token_of_user"),
            # the console's search box
            models.Index(fields=["name"], name="access_token_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name or 'token'} ({self.pk})"

    def is_usable(self, now: datetime | None = None) -> bool:
        now = now or timezone.now()
        expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not expired and (self.user is None or self.user.may_sign_in())
