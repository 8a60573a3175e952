from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ValidationError
from django.http import HttpRequest

from calls.admin.filters import AccountFilter
from calls.models import Call, Campaign
from partners.admin.base import ConsoleAdmin
from partners.admin.toolkit import ModelForm


class CampaignForm(ModelForm):
    class Meta:
        model = Campaign
        fields = ("name", "sub_tenant", "external_id", "type", "signal_ai", "voice_signals")
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed once calls use the campaign.",
            "external_id": "What the telephone network calls it, if it does. "
            "It cannot be changed once calls use the campaign.",
            "type": "Recorded calls of a network are taken in for external-only campaigns alone.",
            "signal_ai": "Recorded calls of a network need this or a voice signal.",
        }

    def clean_external_id(self) -> str:
        external_id: str = self.cleaned_data["external_id"]
        of_account = Campaign.objects.filter(sub_tenant=self.cleaned_data.get("sub_tenant"))
        others = of_account.exclude(pk=self.instance.pk)
        if external_id and others.filter(external_id=external_id).exists():
            raise ValidationError("Another campaign of the sub-tenant has this id.")
        return external_id


@admin.register(Campaign)
class CampaignAdmin(ConsoleAdmin):
    """What calls are made for. The number is what the telesales surface takes as ``campaign_id``."""

    form = CampaignForm
    list_display = (
        "name",
        "number",
        "external_id",
        "sub_tenant",
        "type",
        "transcribed",
        "used",
        "created_at",
    )
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter, "type")
    search_fields = ("name", "external_id")
    search_help_text = "Name or network's id"
    raw_id_fields = ("sub_tenant",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        campaigns: QuerySet[Campaign] = super().get_queryset(request)
        return campaigns.annotate(is_used=Exists(Call.objects.filter(campaign=OuterRef("pk"))))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("number", *CampaignForm.Meta.fields, "created_at") if obj else CampaignForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # Calls, and what was exported of them, say what it was called and whose it was.
        fixed = ("sub_tenant", "external_id") if obj and obj.is_used else ()
        return ("number", "created_at", *fixed)

    @admin.display(description="campaign id", ordering="pk")
    def number(self, campaign: Campaign) -> str:
        return str(campaign.pk)

    @admin.display(description="Signal AI or voice signals", boolean=True)
    def transcribed(self, campaign: Campaign) -> bool:
        return campaign.is_transcribed

    @admin.display(description="has calls", boolean=True)
    def used(self, campaign: Any) -> bool:
        return bool(campaign.is_used)
