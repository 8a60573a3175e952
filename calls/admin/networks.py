from typing import Any, ClassVar

from django.contrib import admin
from django.forms import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from calls.admin.parts import WordsField
from calls.models import Network
from partners.admin.base import ConsoleAdmin
from partners.admin.toolkit import ModelForm

# Lists of what else belongs to a network, as they are filtered by account.
_PARTS = {
    "Campaigns": "campaign",
    "Signal names": "signalname",
    "Custom-data fields": "customfield",
    "Auth configs": "recordingauth",
    "Direct access": "directaccess",
}


def _country_code(word: str) -> str:
    code = word.removeprefix("+")
    if not (code.isascii() and code.isdigit() and len(code) <= 3 and code[0] != "0"):
        raise ValidationError(f"{word}: a country code has one to three digits and no leading zero, like 44.")
    return code


class NetworkForm(ModelForm):
    country_codes = WordsField(
        read=_country_code, help_text="Of the phone numbers that are taken, like 1, 44, 34."
    )

    class Meta:
        model = Network
        fields = (
            "sub_tenant",
            "ingestion_enabled",
            "time_zone",
            "default_language",
            "multiple_languages",
            "country_codes",
            "two_channels_required",
            "swap_outbound",
            "notify",
        )
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed later.",
            "time_zone": "Where times that name no zone were read off the clock, like America/Los_Angeles.",
            "default_language": "Of calls that name none.",
            "multiple_languages": "Unset, calls in another language than the default one are refused.",
        }
        error_messages: ClassVar = {"sub_tenant": {"unique": "This sub-tenant is a network already."}}


@admin.register(Network)
class NetworkAdmin(ConsoleAdmin):
    """The accounts whose calls come in one by one: their switches, and what their calls are like."""

    form = NetworkForm
    list_display = (
        "sub_tenant",
        "ingestion_enabled",
        "time_zone",
        "default_language",
        "multiple_languages",
        "countries",
        "notify",
    )
    list_select_related = ("sub_tenant__tenant",)
    list_filter = ("ingestion_enabled",)
    search_fields = ("sub_tenant__name", "sub_tenant__tenant__name")
    search_help_text = "Name of the sub-tenant or its tenant"
    raw_id_fields = ("sub_tenant",)
    fieldsets = (
        (None, {"fields": (("sub_tenant", "ingestion_enabled"), "notify")}),
        (
            "What its calls are like",
            {
                "fields": (
                    "time_zone",
                    "country_codes",
                    ("default_language", "multiple_languages"),
                    ("two_channels_required", "swap_outbound"),
                )
            },
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ((None, {"fields": ("parts", ("notified_at", "created_at"))}),) if obj else ()
        return (*self.fieldsets, *shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("parts", "notified_at", "created_at", *(("sub_tenant",) if obj else ()))

    @admin.display(description="country codes")
    def countries(self, network: Network) -> str:
        return ", ".join(network.country_codes)

    @admin.display(description="belongs to it")
    def parts(self, network: Network) -> SafeString:
        links = (
            (reverse(f"admin:calls_{model}_changelist", query={"account": network.sub_tenant_id}), title)
            for title, model in _PARTS.items()
        )
        return format_html_join(", ", '<a href="{}" class="text-link">{}</a>', links)
