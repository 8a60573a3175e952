"""What support staff do with a call: hear it, keep it, and have its recording fetched again."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from calls import keeping, player
from calls.admin.display import recording_of
from calls.admin.holds import HoldForm, HoldSelectedForm, RetrySelectedForm, hold
from calls.models import AccessKind, Call
from calls.services import recordings
from calls.services.recordings import FAILED
from partners.admin import pages
from partners.admin.base import ReadOnlyAdmin, Refused
from partners.admin.pages import Question, RecordingUrlForm, change_url
from partners.admin.toolkit import action
from zipingest.work import WorkState


class CallActions(ReadOnlyAdmin):
    actions = ("retry_selected", "hold_selected")
    actions_detail = ("retry", "replace_url", "place_hold")

    def get_urls(self) -> list[URLPattern]:
        listen = self.admin_site.admin_view(require_safe(self.listen))
        download = self.admin_site.admin_view(require_safe(self.download))
        return [
            path("<int:pk>/listen/", listen, name="calls_call_listen"),
            path("<int:pk>/download/", download, name="calls_call_download"),
            *super().get_urls(),
        ]

    def listen(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._serve(request, pk, AccessKind.LISTEN)

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._serve(request, pk, AccessKind.DOWNLOAD)

    def has_retry_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("calls.change_recording")

    def has_hold_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("calls.add_legalhold")

    def fits(self, title: str, row: Any) -> bool:
        recording = recording_of(row)
        if recording and recording.purged_at is not None:
            return False
        if title == "Place legal hold":
            return not keeping.is_held(row)
        if recording is None:
            return False
        waits = recording.state == WorkState.DUE
        return recording.state in FAILED or (waits and title == "Retry")

    @action(description="Retry", icon="refresh", permissions=["view", "retry"])
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _RETRY, _retry)

    @action(description="Replace URL and retry", icon="link", permissions=["view", "retry"])
    def replace_url(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(request, object_id, _REPLACE_URL, _replace_url, RecordingUrlForm)

    @action(description="Retry", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Call]) -> HttpResponse | None:
        form = RetrySelectedForm(request.POST if "asked" in request.POST else None, chosen=request.POST)
        if not form.is_valid():
            return pages.list_question_page(self, request, _RETRY_SELECTED, form)
        begun = recordings.take_up_all(calls=queryset)
        self.message_user(
            request, f"{begun:,} to be fetched again; what had not failed and did not wait is left as it was."
        )
        return None

    @action(description="Place legal hold", icon="gavel", permissions=["view", "hold"])
    def place_hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def place(call: Call, given: dict[str, Any]) -> HttpResponse:
            hold(self, request, Call.objects.filter(pk=call.pk), given["reason"])
            return redirect(change_url(call))

        return self.ask(request, object_id, _HOLD, place, HoldForm)

    @action(description="Place legal hold", permissions=["hold"])
    def hold_selected(self, request: HttpRequest, queryset: QuerySet[Call]) -> HttpResponse | None:
        form = HoldSelectedForm(request.POST if "reason" in request.POST else None, chosen=request.POST)
        if not form.is_valid():
            return pages.list_question_page(self, request, _HOLD_SELECTED, form)
        # Without what the list shows of each call, and without the order that would join its recording.
        hold(
            self,
            request,
            Call.objects.filter(pk__in=queryset.order_by().values("pk")),
            form.cleaned_data["reason"],
        )
        return None

    def _serve(self, request: HttpRequest, pk: int, kind: AccessKind) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        call = self.get_object(request, str(pk))
        if call is None:
            raise Http404
        return player.serve(request, call, kind)


def _begin(call: Call) -> bool:
    return recordings.take_up(call=call) or recordings.hasten(call=call)


def _retry(call: Call, _: dict[str, Any]) -> None:
    if not _begin(call):
        raise Refused("This recording has not failed and is not waiting; nothing was changed.")


def _replace_url(call: Call, given: dict[str, Any]) -> None:
    if not recordings.take_up(call=call, url=given["url"]):
        raise Refused("Only a failed recording takes another URL; nothing was changed.")


_RETRY = Question(
    title="Retry",
    text="A failed recording is fetched again from the same URL, as a new run with all its attempts; one "
    "that waits for its next attempt is fetched now.",
    button="Retry",
    done="The recording is due now.",
)
_RETRY_SELECTED = Question(
    title="Retry",
    text="Failed recordings are fetched again from the same URLs, as new runs with all their attempts; those "
    "that wait for their next attempt are fetched now. What is stored stays as it is.",
    button="Retry",
)
_REPLACE_URL = Question(
    title="Replace URL and retry",
    text="The recording is fetched from this URL instead, as a new run with all its attempts. The partner "
    "is called back with the new result.",
    button="Replace and retry",
    done="The recording is due now, from the new URL.",
)
_HOLD = Question(
    title="Place legal hold",
    text="While the call is held, nothing of it is removed: not by retention, an erasure or by hand. The "
    "hold is in force until somebody releases it.",
    button="Hold",
)
_HOLD_SELECTED = Question(
    title="Place legal hold",
    text="While a call is held, nothing of it is removed: not by retention, an erasure or by hand. What is "
    "held already stays so under its first reason.",
    button="Hold",
)
