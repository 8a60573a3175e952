"""Export jobs (telesales spec, Exports): parse, call the service, render."""

from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from calls.giving import actor_of
from calls.services import audit
from exports import download, selectors
from exports.api import openapi, render
from exports.api.schemas import Order, Period, Selected, Supplement, parse_order
from exports.models import ExportJob, ExportStatus
from exports.services import endings, orders
from partners.api.members import MemberViewSet
from partners.api.pagination import page_body
from partners.api.wire import PageQuery, invalid
from partners.models import Right
from zipingest.api.errors import ApiError
from zipingest.storage import ObjectMissing, StorageError


class ExportViewSet(MemberViewSet):
    """Orders ZIPs of recordings, tells how far they are, and hands them out."""

    rights = dict.fromkeys(("create", "newest", "retrieve", "destroy", "download"), Right.EXPORTS)
    forbidden = "You are not allowed to bulk-export recordings. Supervisor or admin role is required."

    @openapi.create
    def create(self, request: Request) -> Response:
        order = parse_order(self.json_object())
        try:
            job = self._ordered(order)
        except orders.NothingToExport as error:
            raise _nothing_matches() from error
        return Response({"data": render.ordered_body(job)}, status=201, headers={"Location": _url_of(job)})

    @openapi.newest
    def newest(self, request: Request) -> Response:
        query = self.query(PageQuery)
        return Response(page_body(selectors.exports_of(self.member.sub_tenant), query, render.job_body))

    @openapi.retrieve
    def retrieve(self, request: Request, job_id: str) -> Response:
        return Response({"data": render.job_body(self._job(job_id))})

    @openapi.destroy
    def destroy(self, request: Request, job_id: str) -> Response:
        endings.discard(job=self._job(job_id))
        return Response(status=204)

    @openapi.download
    def download(self, request: Request, job_id: str) -> HttpResponseBase:
        job = self._job(job_id)
        if job.status == ExportStatus.EXPIRED:
            raise _has_expired()
        if job.status != ExportStatus.READY:
            raise ApiError(409, render.not_ready_text(job))
        try:
            return download.serve(request._request, job, self._actor())
        except ObjectMissing as error:  # deleted a moment ago
            raise _has_expired() from error
        except StorageError as error:
            raise ApiError(503, "The export cannot be read at present.") from error

    def _ordered(self, order: Order) -> ExportJob:
        account, actor = self.member.sub_tenant, self._actor()
        if isinstance(order, Period):
            criteria = order.model_dump(mode="json")
            return orders.order(actor=actor, wanted=order.filter(account), criteria=criteria)
        if isinstance(order, Selected):
            return orders.order_calls(
                actor=actor,
                sub_tenant=account,
                uuids=order.uuids,
                include_signals=order.include_signals,
            )
        return self._supplement(order, actor)

    def _supplement(self, order: Supplement, actor: audit.Actor) -> ExportJob:
        job = selectors.exports_of(self.member.sub_tenant).filter(public_id=order.supplement_of).first()
        if job is None:
            raise invalid([_told("supplement_of", "There is no such export.")])
        try:
            return orders.order_supplement(actor=actor, job=job)
        except orders.NotReady as error:
            raise invalid([_told("supplement_of", "The export was not packed.")]) from error

    def _job(self, job_id: str) -> ExportJob:
        jobs = selectors.exports_of(self.member.sub_tenant).select_related("sub_tenant")
        job = jobs.filter(public_id=job_id).first()
        if job is None:
            raise ApiError(404)
        return job

    def _actor(self) -> audit.Actor:
        return actor_of(self.request._request, self.member.name, self.member.user)


def _told(field: str, message: str) -> dict[str, str]:
    return {"field": field, "message": message}


def _nothing_matches() -> ApiError:
    told = [_told("filter", "Estimated 0 files. Adjust date range or filters.")]
    return invalid(told, "No recordings match the filter.")


def _has_expired() -> ApiError:
    return ApiError(410, "Export ZIP has expired. Please create a new job.")


def _url_of(job: ExportJob) -> str:
    return reverse("telesales-export", args=[job.public_id])
