"""What the console's pages share: lists over huge tables, rows nobody edits, and actions that ask first."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import localtime

from partners.admin import pages
from partners.admin.pages import Question, change_url
from partners.admin.toolkit import InfinitePaginator, ModelAdmin, TabularInline


class Refused(Exception):
    """The action does not fit the row as it is; the text says why, to the person who asked."""


class ConsoleAdmin(ModelAdmin):
    """Pages of rows that are never deleted by hand: what hangs on them is history."""

    list_per_page = 50
    show_full_result_count = False
    list_disable_select_all = True
    warn_unsaved_form = True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def ask(
        self,
        request: HttpRequest,
        object_id: str,
        question: Question,
        act: Callable[[Any, dict[str, Any]], HttpResponse | None],
        form_class: type[forms.Form] = forms.Form,
    ) -> HttpResponse:
        """A page that asks; its POST calls ``act`` with the row and the form's clean data.

        ``act`` may answer with a page of its own, or raise Refused. What was done goes into the history.
        """
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        form = form_class(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return pages.question_page(self, request, row, question, form)
        try:
            answer = act(row, form.cleaned_data)
        except Refused as refusal:
            self.message_user(request, str(refusal), messages.WARNING)
            return redirect(change_url(row))
        self.log_change(request, row, question.title)
        if answer is None:
            self.message_user(request, question.done, messages.SUCCESS)
        return answer or redirect(change_url(row))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        row, offered = context["original"], context.get("actions_detail", ())
        if row is not None:
            context["actions_detail"] = [one for one in offered if self.fits(one["title"], row)]
        return super().render_change_form(request, context, *args, **kwargs)

    def fits(self, title: str, row: Any) -> bool:
        """Whether the page of ``row`` offers the action; the service behind it decides once more."""
        return True


class HugeTableAdmin(ConsoleAdmin):
    """Lists that never count their table nor scan it: no totals, no sorting by click, exact search.

    ``search_fields`` are columns with an index of their own, compared for equality.
    """

    paginator = InfinitePaginator
    list_fullwidth = True
    sortable_by = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.matching(term)) if term else queryset), False

    def matching(self, term: str) -> Q:
        return exactly(self.model, self.search_fields, term)


class ReadOnlyAdmin(HugeTableAdmin):
    """Rows that the console shows and never writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    extra = 0
    per_page = 20
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def exactly(model: type[Model], fields: Any, term: str) -> Q:
    """Rows of which one of ``fields`` equals ``term``; a field that cannot hold it matches nothing."""
    match = Q(pk__in=[])
    for name in fields:
        field: Any = model._meta.get_field(name)
        try:
            match |= Q((name, field.to_python(term)))
        except ValidationError:
            continue
    return match


def link(row: Model | None, text: str = "") -> SafeString | None:
    if row is None:
        return None
    return format_html('<a href="{}" class="text-link">{}</a>', change_url(row), text or str(row))


def write_history(request: HttpRequest, row: Model, flag: int, named: str, said: str) -> None:
    """Into the console's history, where a row's own name must not stand in it."""
    assert request.user.pk is not None, "the console is for those who are signed in"
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=named,
        action_flag=flag,
        change_message=said,
    )


def moment(when: datetime | None) -> str:
    return date_format(localtime(when), "DATETIME_FORMAT") if when else ""


def badge(text: str, kind: str) -> SafeString:
    """``kind``: success, info, warning, danger, or empty for a neutral one."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def shortened(text: str, length: int = 80) -> SafeString:
    """The beginning of ``text``, all of it as the tooltip."""
    return format_html('<span title="{}">{}</span>', text, Truncator(text).chars(length))


def unbroken(text: str) -> SafeString:
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def preformatted(text: str) -> SafeString:
    return format_html('<pre class="text-xs whitespace-pre-wrap break-all">{}</pre>', text)
