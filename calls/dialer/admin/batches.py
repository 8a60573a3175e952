from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from calls.admin.filters import AccountFilter
from calls.dialer import progress
from calls.dialer.models import Batch, DialerAccount, Switch
from calls.dialer.services import batches
from calls.dialer.words import Rules, ShownBatch
from partners.admin.base import ReadOnlyAdmin, Refused, badge, moment, unbroken
from partners.admin.pages import Question
from partners.admin.toolkit import action

_SWITCHED = {Switch.IDLE: "", Switch.STARTED: "info", Switch.STOPPED: "warning"}


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    """Batches of contacts; made by the account's programs, started and stopped here too."""

    list_display = ("name", "public_id", "sub_tenant", "partner", "standing", "created")
    list_select_related = ("sub_tenant__tenant", "partner")
    list_filter = (AccountFilter,)
    search_fields = ("public_id",)
    search_help_text = "Batch id"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "public_id"),
                    ("sub_tenant", "partner"),
                    ("standing", "contacts"),
                    ("figures", "left"),
                    ("created_at", "updated_at"),
                    ("dialled_at", "deleted_at"),
                )
            },
        ),
        (
            "Rules",
            {
                "fields": (
                    ("hours", "days"),
                    ("zone", "tries"),
                    "numbers_used",
                    ("callback_url", "request_id"),
                )
            },
        ),
    )
    readonly_fields = (
        *("standing", "contacts", "figures", "left"),
        *("hours", "days", "zone", "tries", "numbers_used"),
    )
    actions_detail = ("start", "stop", "remove")

    def has_switch_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("dialer.change_batch")

    def has_remove_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("dialer.delete_batch")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With what its page says of it: a field is asked for several times while it is drawn."""
        batch = super().get_object(request, object_id, from_field)
        if batch is not None:
            account = DialerAccount.objects.filter(sub_tenant=batch.sub_tenant_id).first()
            batch.shown = ShownBatch(progress.courses_of([batch])[0])
            batch.rules = Rules(batch, account or DialerAccount())
            batch.called_from = list(progress.numbers_of(batch))
        return batch

    def fits(self, title: str, row: Any) -> bool:
        if row.deleted_at is not None:
            return False
        is_started = bool(row.switch == Switch.STARTED)
        return {"Start": not is_started, "Stop": is_started}.get(title, True)

    @action(description="Start", icon="play_arrow", permissions=["view", "switch"])
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _START, _start)

    @action(description="Stop", icon="stop", permissions=["view", "switch"])
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _STOP, _stop)

    @action(description="Delete", icon="delete", permissions=["view", "remove"])
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _DELETE, _delete)

    @admin.display(description="state")
    def standing(self, batch: Any) -> SafeString:
        if batch.deleted_at is not None:
            return badge("deleted", "danger")
        if hasattr(batch, "shown"):  # in the list, nobody's contacts are counted
            return badge(batch.shown.word.lower(), batch.shown.tone)
        return badge(batch.get_switch_display(), _SWITCHED[Switch(batch.switch)])

    @admin.display(description="contacts")
    def contacts(self, batch: Any) -> SafeString:
        url = reverse("admin:dialer_contact_changelist", query={"batch": batch.pk})
        total = batch.shown.course.progress.total
        return format_html('<a href="{}" class="text-link">{} contacts</a>', url, f"{total:,}")

    @admin.display(description="progress")
    def figures(self, batch: Any) -> str:
        known = batch.shown.course.progress
        outcomes = f": {batch.shown.outcomes}" if known.ended else ""
        return f"{known.picked:,} picked, {known.ended:,} ended{outcomes}"

    @admin.display(description="calling left")
    def left(self, batch: Any) -> str:
        return str(batch.shown.left)

    @admin.display(description="created")
    def created(self, batch: Batch) -> SafeString:
        return unbroken(moment(batch.created_at))

    @admin.display(description="hours, by the contact's clock")
    def hours(self, batch: Any) -> str:
        return str(batch.rules.hours)

    @admin.display(description="days")
    def days(self, batch: Any) -> str:
        return str(batch.rules.days)

    @admin.display(description="zone of contacts that tell none")
    def zone(self, batch: Any) -> str:
        return str(batch.rules.zone)

    @admin.display(description="tries")
    def tries(self, batch: Any) -> str:
        return str(batch.rules.tries)

    @admin.display(description="calls from")
    def numbers_used(self, batch: Any) -> str:
        return "; ".join(
            f"{one.phone} ({one.agent or 'no agent'}), {one.running} running" for one in batch.called_from
        )


def _start(batch: Batch, _: dict[str, Any]) -> None:
    _check(batch)
    batches.start(batch=batch)


def _stop(batch: Batch, _: dict[str, Any]) -> None:
    _check(batch)
    batches.stop(batch=batch)


def _delete(batch: Batch, _: dict[str, Any]) -> None:
    _check(batch)
    batches.delete(batch=batch)


def _check(batch: Batch) -> None:
    if batch.deleted_at is not None:
        raise Refused("This batch was deleted; nothing was changed.")


_START = Question(
    title="Start the batch",
    text="Its contacts are called from now on, within their calling hours; so are those that it is given "
    "later.",
    button="Start",
    done="The batch is started.",
)
_STOP = Question(
    title="Stop the batch",
    text="No further call is begun, and new contacts do not start it again. Calls that run go on to their "
    "end.",
    button="Stop",
    done="The batch is stopped.",
)
_DELETE = Question(
    title="Delete the batch",
    text="No further call is begun, and the account sees the batch no more. What was called stays in the "
    "library. This cannot be undone.",
    button="Delete",
    done="The batch is deleted.",
    dangerous=True,
)
