"""Pages of the console that are neither a list nor a form of one row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from partners.admin.toolkit import ModelAdmin, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget
from partners.outbound import InvalidUrl, check_url
from partners.signatures import Checked


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks before it acts, and what it says afterwards."""

    title: str
    text: str
    button: str
    done: str = ""
    dangerous: bool = False


class RecordingUrlForm(forms.Form):
    """A URL to fetch from; its form is judged as it is for partners."""

    schemes: tuple[str, ...] = ("http", "https")
    url = forms.CharField(
        label="URL",
        max_length=2048,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://", "inputmode": "url"}),
    )

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            check_url(url, schemes=self.schemes)
        except InvalidUrl as error:
            raise forms.ValidationError(error.reason) from error
        return url


class EndpointForm(RecordingUrlForm):
    """A URL that callbacks are sent to."""

    schemes = ("https",)


class SignatureForm(forms.Form):
    """A callback as a partner received it."""

    headers = forms.CharField(
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
        help_text="webhook-id, webhook-timestamp, webhook-signature: as HTTP, JSON, or out of a log.",
    )
    body = forms.CharField(
        max_length=500_000,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        help_text="As it came, before anything parsed it.",
    )
    received_at = forms.DateTimeField(
        label="Received at",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-03-01 09:00:00"}),
        help_text="By the receiver's clock, in UTC. Without it the timestamp is compared with the present.",
    )

    def clean_body(self) -> str:
        # Browsers send every newline of a text field as two characters.
        return str(self.cleaned_data["body"]).replace("\r\n", "\n")


def change_url(row: Model) -> str:
    """The address of the row's page in the console."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def question_page(
    model_admin: ModelAdmin, request: HttpRequest, row: Model, question: Question, form: forms.Form
) -> TemplateResponse:
    context = {"question": question, "form": form}
    return _page(model_admin, request, "console/question.html", question.title, row, context)


def list_question_page(
    model_admin: ModelAdmin, request: HttpRequest, question: Question, form: forms.Form
) -> TemplateResponse:
    """Asks before an action on a list acts; Cancel leads back to the list as it was filtered."""
    shared = model_admin.admin_site.each_context(request)
    about = {"title": question.title, "opts": model_admin.opts, "question": question, "form": form}
    context = {**shared, **about, "back": request.get_full_path()}
    return TemplateResponse(request, "console/question.html", context)


def secrets_page(
    model_admin: ModelAdmin, request: HttpRequest, row: Model, title: str, secrets: Mapping[str, str]
) -> TemplateResponse:
    """The only place a secret is ever shown: this answer, which no cache may keep."""
    return _page(model_admin, request, "console/secrets.html", title, row, {"secrets": secrets})


def signature_page(
    model_admin: ModelAdmin, request: HttpRequest, row: Model, form: forms.Form, checked: Checked | None
) -> TemplateResponse:
    context: dict[str, Any] = {"form": form, "checked": checked}
    if checked and checked.delivery and request.user.has_perm("partners.view_delivery"):
        context["delivery_url"] = change_url(checked.delivery)
    return _page(model_admin, request, "console/signature.html", "Check a signature", row, context)


def _page(
    model_admin: ModelAdmin,
    request: HttpRequest,
    template: str,
    title: str,
    row: Model,
    context: dict[str, Any],
) -> TemplateResponse:
    shared = model_admin.admin_site.each_context(request)
    about = {"title": title, "subtitle": str(row), "original": row, "opts": model_admin.opts}
    return TemplateResponse(request, template, {**shared, **about, "back": change_url(row), **context})
