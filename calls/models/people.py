from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from partners.models import Partner, SubTenant


class _Person(models.Model):
    """Somebody known by an id of the partner's: never shared between partners or sub-tenants."""

    # No index of its own: it leads the unique constraint.
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, db_index=False)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, null=True, blank=True)
    external_id = models.CharField("id", max_length=255)
    name = models.CharField(max_length=255, blank=True)
    email = models.CharField(max_length=320, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sub_tenant", "partner", "external_id"], name="%(class)s_id_unique_per_partner"
            ),
            models.UniqueConstraint(
                fields=["sub_tenant", "external_id"],
                condition=Q(partner__isnull=True),
                name="%(class)s_id_unique_without_partner",
            ),
        ]

        indexes: ClassVar = [
            # the console's search box
            models.Index(fields=["external_id"], name="%(class)s_external_id"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class Agent(_Person):
    """Who spoke for us."""

    extension = models.CharField(max_length=64, blank=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="agent"
    )


class Customer(_Person):
    """The other side, and the disposition it has now."""

    disposition = models.CharField(max_length=255, blank=True)
