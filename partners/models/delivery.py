from typing import ClassVar

from django.db import models
from django.db.models import Q

from partners.models.partner import Partner
from partners.models.tenancy import SubTenant
from zipingest.work import WorkItem


class Delivery(WorkItem):
    """One callback owed to a partner. Its body is fixed when it is owed; every try sends the same bytes."""

    webhook_id = models.CharField(max_length=128, unique=True, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="deliveries")
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, null=True, related_name="deliveries")
    event = models.CharField(max_length=32, editable=False)
    # What it is about: the call's uuid. This room does not know calls, so it is no foreign key.
    subject = models.UUIDField(null=True, editable=False)
    run = models.PositiveIntegerField(default=1, editable=False)
    url = models.CharField(max_length=2048, editable=False)
    body = models.TextField(editable=False)
    request_id = models.CharField(max_length=64, blank=True, editable=False)
    last_status = models.PositiveIntegerField(null=True, editable=False)
    # Tries in this round: a redelivery starts a new one, the attempts stay.
    tries = models.PositiveIntegerField(default=0, editable=False)
    # Its place among the partner's events in the sub-tenant (partners/events.py), given when they are read.
    sequence = models.PositiveBigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True, editable=False)

    class Meta(WorkItem.Meta):
        verbose_name = "callback"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            *WorkItem.Meta.indexes,
            # status answers and the console: the callback of a call
            models.Index(fields=["subject"], name="delivery_subject"),
            # the console: a partner's callbacks, newest first
            models.Index(fields=["partner", "-id"], name="delivery_partner_newest"),
            # dashboard and metrics: what failed
            models.Index(
                fields=["-id"], condition=Q(state__in=["failed", "poison"]), name="delivery_failed_newest"
            ),
            # events: what has no number yet
            models.Index(
                fields=["partner", "sub_tenant", "id"],
                condition=Q(sequence__isnull=True),
                name="delivery_unnumbered",
            ),
        ]
        constraints: ClassVar = [
            # events: those after a number
            models.UniqueConstraint(
                fields=["partner", "sub_tenant", "sequence"],
                condition=Q(sequence__isnull=False),
                name="delivery_sequence_unique",
            )
        ]

    def __str__(self) -> str:
        return self.webhook_id


class Attempt(models.Model):
    """One try of a callback and what came back."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tried")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True)
    answer = models.TextField(blank=True, help_text="The first 1 KiB of what the endpoint answered.")

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_unique")
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number}"
