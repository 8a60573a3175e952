from typing import ClassVar

from django.db import models

from calls.models.call import Call
from calls.models.people import Customer
from partners.models import SubTenant


class Category(models.TextChoices):
    """What a code says of the conversation (telesales spec)."""

    SUCCESS = "success", "success"
    CALLBACK = "callback", "call back"
    FAILED = "failed", "failed"
    DNC = "dnc", "do not call"


class DispositionCode(models.Model):
    """A code of the account: made here, or seen in what a partner sent (which says nothing of category)."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="disposition_codes")
    code = models.CharField(max_length=255)
    label = models.CharField(max_length=255, blank=True, default="", db_default="")
    category = models.CharField(max_length=8, choices=Category.choices, blank=True, default="", db_default="")
    is_active = models.BooleanField(default=True, db_default=True, help_text="Whether agents are offered it.")
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
    note = models.CharField(max_length=1000, blank=True, default="", db_default="")
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
