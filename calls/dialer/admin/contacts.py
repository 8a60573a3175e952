from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from calls.dialer.admin.logs import PhoneLogInline, has_phone
from calls.dialer.models import Batch, Blocked, Contact, ContactStatus
from calls.dialer.selectors import Standing
from calls.dialer.services import dialling
from calls.dialer.words import TONES, ShownContact
from partners.admin.base import (
    ReadOnlyAdmin,
    Refused,
    badge,
    exactly,
    link,
    moment,
    shortened,
    unbroken,
    write_history,
)
from partners.admin.pages import Question
from partners.admin.toolkit import action


class BatchFilter(admin.SimpleListFilter):
    """The batch that the address names: it is chosen on its own page."""

    title = "batch"
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        chosen = self.value() or ""
        found = Batch.objects.filter(pk=int(chosen)) if _is_key(chosen) else ()
        return [(str(batch.pk), batch.name) for batch in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        chosen = self.value() or ""
        return queryset.filter(batch=int(chosen)) if _is_key(chosen) else queryset


class StatusFilter(admin.SimpleListFilter):
    """Within a batch, where an index answers it."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return ContactStatus.choices if _is_key(request.GET.get("batch", "")) else ()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        return queryset.filter(status=self.value()) if self.value() in ContactStatus.values else queryset


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    """Whom batches call. A contact's page says why it is not being called."""

    list_display = ("phone", "batch_name", "account", "standing", "tries", "blocked", "next_try")
    list_select_related = ("batch", "sub_tenant__tenant")
    list_filter = (BatchFilter, StatusFilter)
    ordering = ("-id",)
    search_fields = ("public_id",)
    search_help_text = "Phone or contact id"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("phone", "public_id"),
                    ("of_batch", "sub_tenant"),
                    ("standing", "tries_made"),
                    ("why", "next_attempt"),
                    ("time_zone", "last_error"),
                    ("created_at", "updated_at"),
                )
            },
        ),
        ("What its record said", {"fields": ("variables", "next_variables"), "classes": ["collapse"]}),
    )
    readonly_fields = ("of_batch", "standing", "tries_made", "why", "next_attempt")
    inlines = (PhoneLogInline,)
    actions_detail = ("dial_again",)

    def matching(self, term: str) -> Q:
        return exactly(Contact, self.search_fields, term) | has_phone(term)

    def has_dial_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("dialer.change_contact")

    def fits(self, title: str, row: Any) -> bool:
        return _shown(row).may_be_dialled_again

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Under its id: of a number that is erased later, the history must not keep it."""
        write_history(request, obj, CHANGE, obj.public_id, str(message))

    @action(description="Dial again", icon="redo", permissions=["view", "dial"])
    def dial_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _DIAL_AGAIN, _dial_again)

    @admin.display(description="batch")
    def of_batch(self, contact: Contact) -> SafeString | None:
        return link(contact.batch)

    @admin.display(description="status")
    def standing(self, contact: Contact) -> SafeString:
        if contact.blocked_by == Blocked.UNKNOWN:
            return badge("outcome not known", "danger")
        return badge(ContactStatus(contact.status).label, TONES.get(ContactStatus(contact.status), ""))

    @admin.display(description="tries")
    def tries_made(self, contact: Contact) -> str:
        return f"{contact.tries} in round {contact.round}, of {contact.batch.retry + 1}"

    @admin.display(description="kept back by")
    def blocked(self, contact: Contact) -> SafeString | str:
        """As it was found at its last turn; on its page, as it is now."""
        return shortened(Blocked(contact.blocked_by).label, 40) if contact.blocked_by else ""

    @admin.display(description="why it is not being called")
    def why(self, contact: Contact) -> str:
        return _shown(contact).why

    @admin.display(description="next attempt")
    def next_attempt(self, contact: Contact) -> str:
        known = _shown(contact)
        return "as soon as it can be" if known.is_next_at_once else moment(known.next_at)

    @admin.display(description="next turn")
    def next_try(self, contact: Contact) -> SafeString:
        return unbroken(moment(contact.next_attempt_at))

    @admin.display(description="batch")
    def batch_name(self, contact: Contact) -> SafeString:
        return unbroken(shortened(contact.batch.name, 24))

    @admin.display(description="sub-tenant")
    def account(self, contact: Contact) -> SafeString:
        return unbroken(shortened(str(contact.sub_tenant), 28))


def _shown(contact: Contact) -> ShownContact:
    """As it stands now; asked once for a page."""
    known: ShownContact | None = getattr(contact, "shown", None)
    if known is None:
        known = ShownContact(contact, Standing.of(contact.batch))
        contact.__dict__["shown"] = known
    return known


def _dial_again(contact: Contact, _: dict[str, Any]) -> None:
    if not dialling.dial_again(contact=contact):
        raise Refused("This contact has not come to its end; nothing was changed.")


_DIAL_AGAIN = Question(
    title="Dial again",
    text="A new round begins: it is called within its calling hours, once the do-not-call list was asked. "
    "Where the outcome of its last call is not known, somebody may have been spoken to already.",
    button="Dial again",
    done="The contact waits for its turn.",
    dangerous=True,
)
