import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from calls.models.call import Call
from partners.models import SubTenant


class SignalName(models.Model):
    """A signal that the account's calls may carry; names are one in capital and small letters."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="signal_names")
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint("sub_tenant", Lower("name"), name="signal_name_unique_in_sub_tenant")
        ]

    def __str__(self) -> str:
        return self.name


class Signal(models.Model):
    """What was found of a call, or reported of it later: one version, never edited.

    A change is a new row that ``corrects`` the one before it; ``is_current`` tells the last one.
    """

    transaction_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    corrects = models.OneToOneField(
        "self", on_delete=models.CASCADE, null=True, related_name="corrected_by", editable=False
    )
    # No index of its own: it leads the unique constraint and the chain's index.
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="signals", db_index=False)
    # No index of its own: it leads the filter's.
    name = models.ForeignKey(SignalName, on_delete=models.PROTECT, related_name="signals", db_index=False)
    partner_unique_id = models.CharField(max_length=255, blank=True)
    occurred_at = models.DateTimeField()
    revenue = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    value = models.BooleanField()
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["call", "name", "partner_unique_id"],
                condition=Q(is_current=True),
                name="signal_current_once",
            )
        ]
        indexes: ClassVar = [
            # the library: calls on which a signal was met, or was not
            models.Index(fields=["name", "value", "call"], condition=Q(is_current=True), name="signal_met"),
            # the console: every version of a call's signals, in their order
            models.Index(fields=["call", "id"], name="signal_versions"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {'yes' if self.value else 'no'}"


class CustomField(models.Model):
    """A field of custom data that the account's calls may have; ``name`` is what requests call it."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="custom_fields")
    name = models.CharField(max_length=255)
    label = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "custom-data field"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sub_tenant", "name"], name="custom_field_unique_in_sub_tenant")
        ]

    def __str__(self) -> str:
        return self.label or self.name


class CustomValue(models.Model):
    """What a field holds for a call."""

    # No index of its own: it leads the unique constraint.
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="custom_values", db_index=False)
    # No index of its own: it leads the filter's.
    field = models.ForeignKey(CustomField, on_delete=models.PROTECT, related_name="values", db_index=False)
    value = models.CharField(max_length=255, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["field__name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call", "field"], name="custom_value_once_per_field")
        ]
        indexes: ClassVar = [
            # the library: calls of which a field holds just that
            models.Index(fields=["field", "value", "call"], name="custom_value_held")
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"


class PendingTransaction(models.Model):
    """Signals and custom data of a call that is not here yet (``call_in_progress``), as they were sent."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    call_started_at = models.DateTimeField()
    # What further helps to find the call; empty or null is not given.
    phone = models.CharField(max_length=16, blank=True)
    duration_seconds = models.FloatField(null=True)
    campaign_id_from_network = models.CharField(max_length=255, blank=True)
    signals = models.JSONField(default=list)
    custom_data = models.JSONField(default=list)
    request_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            # an arriving call: what waits for one that began about then
            models.Index(
                fields=["sub_tenant", "call_started_at"],
                condition=Q(applied_at__isnull=True),
                name="transaction_pending",
            ),
            # the sweep: what has waited too long
            models.Index(fields=["received_at"], name="transaction_received"),
        ]

    def __str__(self) -> str:
        return f"transaction of the call of {self.call_started_at:%Y-%m-%d %H:%M:%S}"
