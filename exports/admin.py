import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from calls.admin.filters import AccountFilter
from exports.models import ExportEntry, ExportJob, ExportStatus
from exports.services import endings, telling
from exports.words import TONES
from partners.admin.base import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    Refused,
    badge,
    link,
    moment,
    preformatted,
    shortened,
    unbroken,
)
from partners.admin.pages import Question
from partners.admin.toolkit import action

_ENDED = (ExportStatus.FAILED, ExportStatus.CANCELLED, ExportStatus.EXPIRED)


class LeftOutInline(ReadOnlyInline):
    """The calls that are in the manifest and not in the ZIP."""

    model = ExportEntry
    fields = ("position", "the_call", "left_out")
    verbose_name_plural = "calls left out"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportEntry]:
        entries: QuerySet[ExportEntry] = super().get_queryset(request)
        return entries.exclude(left_out="").select_related("call")

    @admin.display(description="call")
    def the_call(self, entry: ExportEntry) -> SafeString | None:
        return link(entry.call)


@admin.register(ExportJob)
class ExportJobAdmin(ReadOnlyAdmin):
    list_display = (
        "public_id",
        "account",
        "requested_by",
        "standing",
        "progress",
        "files",
        "size",
        "created",
    )
    list_select_related = ("sub_tenant__tenant",)
    list_filter = ("state", AccountFilter)
    search_fields = ("public_id",)
    search_help_text = "Job id"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("public_id", "account"),
                    ("requested_by", "request_id"),
                    "asked_for",
                    "supplements",
                )
            },
        ),
        (
            "State",
            {
                "fields": (
                    ("standing", "progress"),
                    ("attempts", "next_attempt"),
                    ("error_message", "plain_error"),
                    ("created_at", "completed_at"),
                    ("failed_at", "cancelled_at"),
                    "mail",
                )
            },
        ),
        (
            "ZIP",
            {
                "fields": (
                    ("estimated_files", "included"),
                    ("expired", "missing"),
                    ("size", "entries_total"),
                    ("expires_at", "expired_at"),
                )
            },
        ),
    )
    readonly_fields = (
        *("account", "asked_for", "standing", "progress"),
        *("next_attempt", "plain_error", "size", "mail"),
    )
    inlines = (LeftOutInline,)
    actions_detail = ("retry", "discard")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportJob]:
        jobs: QuerySet[ExportJob] = super().get_queryset(request)
        return jobs.select_related("sub_tenant__tenant", "supplements", "user")

    def has_discard_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("exports.change_exportjob")

    has_retry_permission = has_discard_permission

    def fits(self, title: str, row: Any) -> bool:
        if title == str(_RETRY.button):
            return bool(row.status == ExportStatus.FAILED)
        return row.status not in _ENDED

    @action(description="Retry", icon="replay", permissions=["view", "retry"])
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _RETRY, _retry)

    @action(description="Cancel or delete the ZIP", icon="delete", permissions=["view", "discard"])
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _DISCARD, _discard)

    @admin.display(description="state")
    def standing(self, job: ExportJob) -> SafeString:
        retried = job.status == ExportStatus.QUEUED and job.attempts
        return badge("retrying" if retried else job.status, "warning" if retried else TONES[job.status])

    @admin.display(description="progress")
    def progress(self, job: ExportJob) -> SafeString | str:
        if job.status in _ENDED:
            return ""
        return render_to_string("console/progress.html", {"percent": job.progress_pct})

    @admin.display(description="account")
    def account(self, job: ExportJob) -> SafeString | None:
        return link(job.sub_tenant)

    @admin.display(description="files")
    def files(self, job: ExportJob) -> str:
        known = job.included if job.included is not None else f"about {job.estimated_files}"
        return str(known)

    @admin.display(description="ZIP")
    def size(self, job: ExportJob) -> SafeString:
        size = job.zip_bytes if job.zip_bytes is not None else job.estimated_bytes
        return unbroken(f"{'' if job.zip_bytes is not None else 'about '}{size / 1_000_000:,.1f} MB")

    @admin.display(description="created")
    def created(self, job: ExportJob) -> SafeString:
        return unbroken(moment(job.created_at))

    @admin.display(description="next attempt")
    def next_attempt(self, job: ExportJob) -> SafeString:
        return unbroken(moment(job.next_attempt_at))

    @admin.display(description="last error")
    def plain_error(self, job: ExportJob) -> SafeString:
        return shortened(job.last_error, 300)

    @admin.display(description="mail to who asked")
    def mail(self, job: ExportJob) -> str:
        return telling.in_words(job)

    @admin.display(description="asked for")
    def asked_for(self, job: ExportJob) -> SafeString:
        return preformatted(json.dumps(job.criteria, indent=2, ensure_ascii=False))


def _retry(job: ExportJob, _: dict[str, Any]) -> None:
    if not endings.retry(job=job):
        raise Refused("This export has not failed; nothing was changed.")


def _discard(job: ExportJob, _: dict[str, Any]) -> None:
    if job.status in _ENDED:
        raise Refused("This export has ended already; nothing was changed.")
    endings.discard(job=job)


_RETRY = Question(
    title="Pack the export again",
    text="It is packed once more, of the calls it was ordered with.",
    button="Retry",
    done="The export waits to be packed again.",
)
_DISCARD = Question(
    title="Cancel or delete the export",
    text="An export that waits or runs is cancelled; the ZIP of one that is ready is deleted now, and "
    "to have it again it must be ordered again.",
    button="Cancel or delete",
    done="The export was cancelled, or its ZIP deleted.",
    dangerous=True,
)
