import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from calls.models.campaign import Campaign
from calls.models.people import Agent, Customer
from partners.models import Partner, SubTenant


class Source(models.TextChoices):
    PARTNER = "partner", "partner"
    NETWORK = "network", "network"
    DIALER = "dialer", "dialer"
    LIVE = "live", "live"


class Direction(models.TextChoices):
    INBOUND = "inbound", "inbound"
    OUTBOUND = "outbound", "outbound"


class Call(models.Model):
    """One conversation. ``uuid`` is ours and public, ``external_id`` is theirs."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(max_length=8, choices=Source.choices, editable=False)
    # No index of their own: each leads one of the indexes below.
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.PROTECT, related_name="calls", db_index=False)
    partner = models.ForeignKey(
        Partner, on_delete=models.PROTECT, null=True, related_name="calls", db_index=False
    )
    external_id = models.CharField("call id", max_length=255, null=True)
    # Who carries it (calls.telephony); empty where nobody does whom we could ask to pause or hang up.
    provider = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    customer_phone = models.CharField(max_length=16)
    our_phone = models.CharField(max_length=16, blank=True, default="", db_default="")
    direction = models.CharField(
        max_length=8, choices=Direction.choices, blank=True, default="", db_default=""
    )
    language = models.CharField(max_length=16, blank=True, default="", db_default="")
    agent = models.ForeignKey(
        Agent, on_delete=models.SET_NULL, null=True, related_name="calls", db_index=False
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, related_name="calls", db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, related_name="calls", db_index=False
    )
    disposition = models.CharField(max_length=255, blank=True)
    callback_url = models.CharField(max_length=2048, blank=True)
    metadata = models.JSONField(default=dict, help_text="Sent back in the callback.")
    custom_fields = models.JSONField(default=list)
    extras = models.JSONField(default=dict, help_text="Keys of the request that we do not know.")
    # A short digest per field of what was sent: tells which fields differ when the id is sent again,
    # without keeping personal data a second time.
    fingerprint = models.JSONField(default=dict, editable=False)
    sandbox = models.BooleanField(default=False)
    request_id = models.CharField(max_length=64, blank=True, editable=False)
    received_at = models.DateTimeField()
    last_exported_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["partner", "external_id"],
                condition=Q(source="partner"),
                name="call_id_unique_per_partner",
            ),
            models.UniqueConstraint(
                fields=["sub_tenant", "external_id"],
                condition=Q(source="network"),
                name="call_id_unique_per_network",
            ),
            models.UniqueConstraint(
                fields=["sub_tenant", "external_id"],
                condition=Q(source="live"),
                name="call_id_unique_among_live",
            ),
            models.UniqueConstraint(
                fields=["sub_tenant", "external_id"],
                condition=Q(source="dialer"),
                name="call_id_unique_among_dialled",
            ),
            models.CheckConstraint(
                condition=~Q(source="partner") | Q(partner__isnull=False, external_id__isnull=False),
                name="partner_call_has_partner_and_id",
            ),
        ]
        indexes: ClassVar = [
            # a customer's latest call (dispositions), and the calls on the customer's page
            models.Index(fields=["customer", "-started_at"], name="call_customer_latest"),
            # a partner's own list, newest first
            models.Index(fields=["partner", "sub_tenant", "-id"], name="call_partner_newest"),
            # an account's calls of a period, newest first (console, exports)
            models.Index(fields=["sub_tenant", "-started_at"], name="call_sub_tenant_started"),
            # the library's filters, newest first: an agent, a campaign, a disposition
            models.Index(fields=["agent", "-started_at"], name="call_agent_started"),
            models.Index(
                fields=["campaign", "-started_at"],
                condition=Q(campaign__isnull=False),
                name="call_campaign_started",
            ),
            models.Index(
                fields=["sub_tenant", "disposition", "-started_at"],
                condition=~Q(disposition=""),
                name="call_disposition_started",
            ),
            # an account's live calls, newest first, and of these the ones in progress
            models.Index(
                fields=["sub_tenant", "-started_at"], condition=Q(source="live"), name="call_live_started"
            ),
            models.Index(
                fields=["sub_tenant", "-started_at"],
                condition=Q(source="live", ended_at__isnull=True),
                name="call_in_progress",
            ),
            # search boxes (console, library): how a call id or a phone begins, whatever the collation
            models.Index(fields=["external_id"], opclasses=["varchar_pattern_ops"], name="call_external_id"),
            models.Index(
                fields=["customer_phone"], opclasses=["varchar_pattern_ops"], name="call_customer_phone"
            ),
            # the console's filter by day of arrival
            models.Index(fields=["received_at"], name="call_received"),
            # the hourly purge of sandbox calls, the oldest first
            models.Index(fields=["id"], condition=Q(sandbox=True), name="call_sandbox"),
        ]

    def __str__(self) -> str:
        return self.external_id or str(self.uuid)

    @property
    def in_progress(self) -> bool:
        """Whether people still speak; what partners send has ended, with or without a time."""
        return self.source == Source.LIVE and self.ended_at is None

    @property
    def calling_phone(self) -> str:
        """Who rang; where the direction is not known, the customer."""
        return self.our_phone if self.direction == Direction.OUTBOUND else self.customer_phone
