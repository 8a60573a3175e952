from typing import ClassVar

from django.db import models

from calls.models.call import Call
from calls.models.people import Customer
from partners.models import SubTenant


class DispositionCode(models.Model):
    """A code of the account: made here, or seen in what a partner sent."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="disposition_codes")
    code = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sub_tenant", "code"], name="disposition_code_unique")
        ]

    def __str__(self) -> str:
        return self.code


class DispositionChange(models.Model):
    """One change of a customer's disposition: who, when, from what, to what. Never edited."""

    # No index of its own: it leads the history's.
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="disposition_changes", db_index=False
    )
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, related_name="+")
    old = models.CharField("from", max_length=255, blank=True)
    new = models.CharField("to", max_length=255, blank=True)
    changed_by = models.CharField(max_length=255)
    changed_at = models.DateTimeField()
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # the console: a customer's history, newest first
            models.Index(fields=["customer", "-id"], name="disposition_history")
        ]

    def __str__(self) -> str:
        return f"{self.old or 'none'} → {self.new or 'none'}"
