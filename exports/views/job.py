from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRefresh

from calls.giving import actor_of
from calls.services import audit
from exports import download, selectors
from exports.models import ExportJob, ExportStatus
from exports.services import endings, orders
from exports.views.shown import Shown, sentence
from partners.models import Right
from partners.pages import MemberPage
from zipingest.storage import ObjectMissing, StorageError

CALLS_PER_PAGE = 50
_NOTHING_NEW = "None of the calls left out has a recording that can be exported. Nothing was ordered."


class _OfJob(MemberPage):
    """A page of one export of the account; of another account's it knows nothing."""

    right = Right.EXPORTS

    def job(self, job_id: str) -> ExportJob:
        jobs = selectors.exports_of(self.member.sub_tenant).select_related(
            "sub_tenant", "supplements", "user"
        )
        job = jobs.filter(public_id=job_id).first() if "\0" not in job_id else None
        if job is None:
            raise Http404
        return job

    def standing(self, job: ExportJob) -> dict[str, Any]:
        shown = Shown.of([job])[0]
        ahead = selectors.ahead_of(job) if job.status == ExportStatus.QUEUED else 0
        return {"shown": shown, "job": job, "sentence": sentence(shown, ahead)}

    @property
    def actor(self) -> audit.Actor:
        return actor_of(self.request, self.member.name, self.member.user)


class JobPage(_OfJob):
    """How the export stands, what it holds, what it left out and why."""

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job = self.job(job_id)
        context = {"title": "Export", **self.standing(job)}
        if context["shown"].left_out:
            context |= self._left_out(job)
        return self.render("exports/job.html", context)

    def _left_out(self, job: ExportJob) -> dict[str, Any]:
        entries, after = selectors.left_out_of(job), self.request.GET.get("after", "")
        if after.isascii() and after.isdigit() and len(after) <= 9:
            entries = entries.filter(position__gt=int(after))
        found = list(entries.select_related("call__agent")[: CALLS_PER_PAGE + 1])
        more = found[CALLS_PER_PAGE - 1].position if len(found) > CALLS_PER_PAGE else None
        return {
            "reasons": selectors.reasons_of(job),
            "entries": found[:CALLS_PER_PAGE],
            "more": more,
            "is_first": not after,
        }


class StandingPart(_OfJob):
    """How far it is; once it has ended the whole page is loaded again, and asks no more."""

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        context = self.standing(self.job(job_id))
        if not context["shown"].goes_on:
            return HttpResponseClientRefresh()
        return self.render("exports/standing.html", context)


class DiscardPage(_OfJob):
    """Cancels it, or deletes its ZIP."""

    def post(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job = self.job(job_id)
        endings.discard(job=job)
        return redirect("exports-job", job.public_id)


class RetryPage(_OfJob):
    def post(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job = self.job(job_id)
        if not endings.retry(job=job):
            messages.error(request, "This export has not failed. Nothing was changed.")
        return redirect("exports-job", job.public_id)


class SupplementPage(_OfJob):
    """Orders what its ZIP could not include."""

    def post(self, request: HttpRequest, job_id: str) -> HttpResponse:
        job = self.job(job_id)
        try:
            job = orders.order_supplement(actor=self.actor, job=job, tell="tell" in request.POST)
        except orders.NotReady:
            messages.error(request, "This export was not packed. Nothing was ordered.")
        except orders.NothingToExport:
            messages.error(
                request,
                "None of the calls left out has a recording that can be exported. Nothing was ordered.",
            )
        return redirect("exports-job", job.public_id)


class DownloadPage(_OfJob):
    """The ZIP, or the export's page with a word why not."""

    def get(self, request: HttpRequest, job_id: str) -> HttpResponseBase:
        job = self.job(job_id)
        if job.status != ExportStatus.READY:
            return self._refused(job, "There is no ZIP to download.")
        try:
            return download.serve(request, job, self.actor)
        except ObjectMissing:  # deleted a moment ago
            return self._refused(job, "The ZIP is not there any more.")
        except StorageError:
            return self._refused(job, "The ZIP cannot be read at present. Try again in a moment.")

    def _refused(self, job: ExportJob, why: str) -> HttpResponse:
        messages.error(self.request, why)
        return redirect("exports-job", job.public_id)
