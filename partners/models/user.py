from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

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
