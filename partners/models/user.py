from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from partners.models.tenancy import SubTenant


class Role(models.TextChoices):
    ADMIN = "admin", "administrator"
    SUPERVISOR = "supervisor", "supervisor"
    AGENT = "agent", "agent"
    READ_ONLY = "read_only", "read only"


class User(AbstractUser):
    """A person. Account users have one sub-tenant and a role in it; our own staff have neither."""

    sub_tenant = models.ForeignKey(
        SubTenant, on_delete=models.PROTECT, null=True, blank=True, related_name="users"
    )
    role = models.CharField(max_length=10, choices=Role.choices, blank=True)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(sub_tenant__isnull=True, role="") | (Q(sub_tenant__isnull=False) & ~Q(role="")),
                name="user_role_goes_with_sub_tenant",
            )
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new password ends what was signed in with the old one; Django does so with sessions."""
        # None where Django only hashes the same password anew.
        new_password = self._password  # type: ignore[attr-defined]  # Django's own, unknown to the stubs
        has_new_password = new_password is not None and not self._state.adding
        super().save(*args, **kwargs)
        if has_new_password:
            self.tokens.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())

    def may_sign_in(self) -> bool:
        """Whether the doors of an account open at all: active, of an account, and with a password."""
        return self.is_active and self.sub_tenant_id is not None and self.has_usable_password()
