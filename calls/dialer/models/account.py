from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models

from calls.dialer.models.ids import new_public_id
from calls.models import Agent
from calls.models.network import check_zone
from partners.models import SubTenant


class DialerAccount(models.Model):
    """How a sub-tenant's contacts are dialled. Its row is locked while a call is begun, so that caps hold."""

    sub_tenant = models.OneToOneField(SubTenant, on_delete=models.CASCADE, related_name="dialer")
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[check_zone], help_text="Of contacts that tell no other."
    )
    most_at_once = models.PositiveIntegerField(
        "calls at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: as many as the installation allows an account.",
    )

    def __str__(self) -> str:
        return str(self.sub_tenant)


class VoiceAgent(models.Model):
    """Who speaks in dialled calls, and what it must know of a contact.

    ``variables``: ``[{"key", "required", "type"}]``, type one of string, number, boolean.
    """

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="voice_agents")
    name = models.CharField(max_length=255)
    language = models.CharField(max_length=16, blank=True)
    variables = models.JSONField(default=list, blank=True)
    # What the library shows of its calls.
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sub_tenant", "name"], name="voice_agent_unique_in_sub_tenant")
        ]

    def __str__(self) -> str:
        return self.name


class CallingNumber(models.Model):
    """A number of the account's that calls are made from; its agent speaks in them."""

    public_id = models.CharField("id", max_length=24, default=new_public_id, unique=True, editable=False)
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="calling_numbers")
    phone = models.CharField(max_length=16, help_text="E.164, like +12125551001")
    agent = models.ForeignKey(
        VoiceAgent, on_delete=models.SET_NULL, null=True, blank=True, related_name="numbers"
    )
    most_at_once = models.PositiveIntegerField(
        "calls at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: as many as the installation allows a number.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["phone"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sub_tenant", "phone"], name="calling_number_unique_in_sub_tenant"
            )
        ]

    def __str__(self) -> str:
        return self.phone
