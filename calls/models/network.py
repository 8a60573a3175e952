from typing import ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models

from partners.models import SubTenant


class Language(models.TextChoices):
    """What a call may be spoken in (network document, ``language_code``)."""

    EN_US = "en-US", "English (United States)"
    EN_GB = "en-GB", "English (United Kingdom)"
    ES_ES = "es-ES", "Spanish (Spain)"
    FR_FR = "fr-FR", "French (France)"


def default_country_codes() -> list[str]:
    """Those of the network document."""
    return ["1", "44", "34"]


def check_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("This is not the name of a time zone, like America/Los_Angeles.")


def check_country_codes(codes: object) -> None:
    fits = isinstance(codes, list) and all(
        isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 3 for code in codes
    )
    if not fits:
        raise ValidationError('Country codes are a list of digits, like ["1", "44"].')


class Network(models.Model):
    """How a sub-tenant's calls come in by the network surface: its switches, and what its calls are like."""

    sub_tenant = models.OneToOneField(SubTenant, on_delete=models.CASCADE, related_name="network")
    ingestion_enabled = models.BooleanField("call ingestion enabled", default=False)
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[check_zone],
        help_text="Where times that name no zone were read off the clock.",
    )
    default_language = models.CharField(max_length=5, choices=Language.choices, default=Language.EN_US)
    multiple_languages = models.BooleanField("multiple languages enabled", default=False)
    country_codes = models.JSONField(
        default=default_country_codes,
        validators=[check_country_codes],
        help_text="Of the phone numbers that are taken.",
    )
    two_channels_required = models.BooleanField(
        default=True, help_text="A recording in mono is refused: nobody could tell who speaks."
    )
    swap_outbound = models.BooleanField(
        "swap the channels of outbound calls",
        default=True,
        help_text="So that the caller is always the first channel.",
    )
    notify = models.EmailField(
        "notification address",
        blank=True,
        help_text="Is told of recordings that could not be had, at most once in a quarter of an hour.",
    )
    notified_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["sub_tenant__tenant__name", "sub_tenant__name"]

    def __str__(self) -> str:
        return str(self.sub_tenant)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def languages(self) -> list[str]:
        """Those that its calls may be spoken in."""
        return list(Language.values) if self.multiple_languages else [self.default_language]
