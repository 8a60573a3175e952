"""What the console's pages about networks share: lists of words, secrets, and names that calls use."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db.models import Model, OuterRef, ProtectedError, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from partners.admin.base import ConsoleAdmin
from partners.admin.pages import change_url
from partners.admin.toolkit import (
    ModelForm,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)
from zipingest import crypto

_UNREMEMBERED = {"autocomplete": "new-password", "spellcheck": "false"}


class WordsField(forms.CharField):
    """A list of words in one line, with commas or blanks between them; each is kept once, as ``read``.

    ``read`` gives a word's own form, or raises ValidationError.
    """

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *, read: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self._read = read

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else str(value or "").replace(",", " ").split()

    def clean(self, value: Any) -> Any:
        return list(dict.fromkeys(map(self._read, super().clean(value))))


class SecretLine(UnfoldAdminPasswordWidget):
    """For a secret in one line; nothing is ever written back into it."""

    def __init__(self) -> None:
        super().__init__(attrs=_UNREMEMBERED)


class SecretLines(UnfoldAdminTextareaWidget):
    """For a secret that may have several lines; as dots, and nothing is ever written back into it."""

    def __init__(self) -> None:
        super().__init__(attrs={**_UNREMEMBERED, "rows": 4, "style": "-webkit-text-security: disc"})

    def format_value(self, value: Any) -> str:
        return ""


class SecretForm(ModelForm):
    """Of a row whose secret is written here and read nowhere.

    The field is no attribute of the model, so that no page can show what stands in the row.
    """

    new_secret = forms.CharField(label="Secret", max_length=16_384, widget=SecretLine)
    # A secret was entered for what these fields name: with one of them it changes too, or whoever may change
    # them could have it sent to themselves.
    entered_for: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "new_secret" in self.fields:
            secret = self.fields["new_secret"]
            secret.required = False
            secret.help_text = f"{secret.help_text} Empty keeps the present one, which is never shown."

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        moved = self.instance.pk and any(name in self.changed_data for name in self.entered_for)
        if moved and not given.get("new_secret") and "new_secret" not in self.errors:
            text = "Enter the secret again: the present one was not entered for where it would now be sent."
            self.add_error("new_secret", text)
        return given


class SecretAdmin(ConsoleAdmin):
    """Rows with a SecretForm; whoever may only look sees no field for the secret."""

    def secret_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Where the page of ``obj``, or that of a new row, has its field for the secret."""
        writes = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return ["new_secret"] if writes else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        columns = [name for name in form.changed_data if name != "new_secret"]
        if secret := form.cleaned_data["new_secret"]:
            obj.sealed_secret = crypto.encrypt(secret)
            columns.append("sealed_secret")
        # A secret that was not entered is not written back as it was read: it may be sealed anew meanwhile.
        obj.save(update_fields=columns if change else None)


class DeletableAdmin(ConsoleAdmin):
    """Rows that can be deleted, one by one, for as long as nothing ``uses`` them."""

    in_use = "It is in use, so that it cannot be deleted."
    # What cannot be changed while it is in use.
    fixed_in_use: tuple[str, ...] = ()

    # The rows that may name one of these, and their column, which leads an index; None where nothing does.
    uses: tuple[QuerySet[Any], str] | None = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if self.uses is None else rows.annotate(used_by=_first(*self.uses))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = self.fixed_in_use if obj and is_used(obj) else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.delete_{self.opts.model_name}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], Any, set[str], list[Any]]:
        # Nothing hangs on what is not in use; Django would look for it in every table, and load it.
        shown: list[SafeString] = [format_html("{}: {}", self.opts.verbose_name, one) for one in objs]
        return shown, {str(self.opts.verbose_name_plural): len(shown)}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is not None and self.has_delete_permission(request, row) and is_used(row):
            return self._refused(request, row)
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError:  # used a moment ago
            assert row is not None, "only a row that is there is protected"
            return self._refused(request, row)

    def _refused(self, request: HttpRequest, row: Model) -> HttpResponse:
        self.message_user(request, self.in_use, messages.WARNING)
        return redirect(change_url(row))


def _first(users: QuerySet[Any], column: str) -> Subquery:
    """The first of ``users`` that names the outer row.

    It is asked for in the order of the index: of a row that few name, or none, PostgreSQL would expect as
    many as of any other, and look for them by reading the whole table.
    """
    same = {f"{column}__gte": OuterRef("pk"), f"{column}__lte": OuterRef("pk")}
    return Subquery(users.filter(**same).order_by(column).values("pk")[:1])


def is_used(row: Any) -> bool:
    """Of a row of a DeletableAdmin."""
    return getattr(row, "used_by", None) is not None
