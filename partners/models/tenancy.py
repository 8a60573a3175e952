from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models


class Tenant(models.Model):
    """A customer organisation, named by partners in ``x-tenant-id``."""

    external_id = models.CharField("tenant id", max_length=255, unique=True)
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class SubTenant(models.Model):
    """A unit of a tenant, named in ``x-sub-tenant-id``. Every domain row hangs on one."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="sub_tenants")
    external_id = models.CharField("sub-tenant id", max_length=255)
    name = models.CharField(max_length=255)
    retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Days a recording is kept; empty keeps it without limit.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["tenant__name", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="sub_tenant_id_unique_in_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.tenant.name} / {self.name}"
