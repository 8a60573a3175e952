"""Pages of the console that are neither a list nor a form of one row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from partners.admin.toolkit import ModelAdmin, UnfoldAdminTextInputWidget
from partners.outbound import InvalidUrl, check_url


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
