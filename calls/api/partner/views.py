"""Doors of the partner surface: parse, call the service, render."""

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from calls import selectors
from calls.api import playing
from calls.api.partner import openapi, render
from calls.api.partner.query import NO_CURSOR, BatchQuery, CallsQuery, EventsQuery
from calls.api.partner.schemas import BatchIn, Body, DispositionIn, InvalidBody, parse
from calls.services import dispositions, ingest, probe
from partners import events
from partners.api.authentication import KeyAndSecret, granted_sub_tenant, too_many_requests
from partners.api.keyed import KeyedViewSet
from partners.models import SubTenant
from partners.models.keys import Scope
from zipingest.api.body import read_json
from zipingest.api.errors import ApiError
from zipingest.api.middleware import request_id

MAX_BODY_BYTES = 5 * 1024 * 1024


class PartnerViewSet(KeyedViewSet):
    """The checks every partner request goes through, in the order of the spec."""

    authentication_classes = [KeyAndSecret]
    # No OPTIONS: what a route takes stands in the documentation, and no browser page calls this surface.
    http_method_names = ["get", "head", "post", "put"]

    def account_of(self, request: Request) -> SubTenant:
        return granted_sub_tenant(request, self.caller.key)

    def body(self, model: type[Body]) -> Body:
        value = read_json(self.request._request, max_bytes=MAX_BODY_BYTES)
        if not isinstance(value, dict):
            raise ApiError(400, "The request body must be a JSON object")
        return _valid(model, value)

    def query(self, model: type[Body]) -> Body:
        return _valid(model, self.request.query_params.dict())


class IngestViewSet(PartnerViewSet):
    """Batches of recorded calls, coming in."""

    scope = Scope.INGEST

    @openapi.batch_call
    def create(self, request: Request) -> Response:
        """Store the batch; with ``validate_only`` only say what would become of it."""
        validate_only = self.query(BatchQuery).validate_only
        body = self.body(BatchIn)
        return self._probe(body) if validate_only else self._ingest(request, body)

    def _probe(self, body: BatchIn) -> Response:
        try:
            probes = probe.probe_recordings([item.call.recording_url for item in body.data])
        except probe.TooManyAtOnce as error:
            raise too_many_requests(probe.SECONDS) from error
        return _data({"items": render.probed_body([item.call.id for item in body.data], probes)})

    def _ingest(self, request: Request, body: BatchIn) -> Response:
        origin = ingest.Origin(
            partner=self.caller.partner,
            sub_tenant=self.sub_tenant,
            sandbox=self.caller.key.sandbox,
            request_id=request_id(request._request),
        )
        try:
            ingested = ingest.ingest_batch(origin=origin, drafts=[item.draft() for item in body.data])
        except ingest.HeldByOtherSubTenant as error:
            raise _validation_failed([_held_elsewhere(position) for position in error.positions]) from error
        headers = {
            "Location": reverse("partner-batch", args=[ingested.batch_uuid]),
            "X-Duplicates": str(ingested.duplicates),
        }
        return Response({"success": True}, headers=headers)


class BatchViewSet(PartnerViewSet):
    """What became of a batch."""

    scope = Scope.READ

    @openapi.batch
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        batch = selectors.partner_batch(self.caller.partner, self.sub_tenant, uuid)
        if batch is None:
            raise ApiError(404)
        return _data(render.batch_body(batch, selectors.calls_of_batch(batch)))


class CallViewSet(PartnerViewSet):
    """The state of one's own calls."""

    scope = Scope.READ

    @openapi.calls
    def newest(self, request: Request) -> Response:
        query = self.query(CallsQuery)
        calls = selectors.newest_calls(
            self.caller.partner,
            self.sub_tenant,
            state=query.state,
            since=query.since,
            before=query.cursor,
        )
        found = list(calls[: query.per_page + 1])
        page = found[: query.per_page]
        more = len(found) > len(page)
        following = _address_with(request, "cursor", page[-1].pk) if more else None
        return _data({"calls": render.calls_body(page), "next": following})

    @openapi.call
    def retrieve(self, request: Request, external_id: str) -> Response:
        calls = selectors.partner_calls(self.caller.partner, self.sub_tenant)
        call = calls.filter(external_id=external_id).first()
        if call is None:
            raise ApiError(404)
        return _data(render.calls_body([call])[0])


class EventViewSet(PartnerViewSet):
    """What callbacks told, and should have told, in order: for whoever missed one."""

    scope = Scope.READ

    @openapi.events
    def following(self, request: Request) -> Response:
        query = self.query(EventsQuery)
        try:
            found = events.read(
                partner=self.caller.partner,
                sub_tenant=self.sub_tenant,
                after=query.after,
                most=query.per_page + 1,
            )
        except events.UnknownCursor as error:
            raise _validation_failed([_unknown_cursor("after")]) from error
        page = found[: query.per_page]
        last = page[-1].sequence if page else query.after
        following = _address_with(request, "after", last)
        more = len(found) > len(page)
        return _data({"events": render.events_body(page), "next": following, "has_more": more})


class RecordingViewSet(PartnerViewSet):
    """The recordings of one's own calls."""

    scope = Scope.READ

    @openapi.recording
    def stream(self, request: Request, external_id: str) -> HttpResponseBase:
        call = selectors.partner_call(self.caller.partner, self.sub_tenant, external_id)
        return playing.answer(request, call, listener=self.caller.partner.name)


class DispositionViewSet(PartnerViewSet):
    """The current disposition of a customer."""

    scope = Scope.INGEST

    @openapi.disposition_status
    def update(self, request: Request) -> Response:
        body = self.body(DispositionIn)
        try:
            dispositions.set_by_partner(
                partner=self.caller.partner,
                sub_tenant=self.sub_tenant,
                customer_id=body.customer_id,
                code=body.disposition_status,
                request_id=request_id(request._request),
            )
        except dispositions.UnknownCustomer as error:
            raise ApiError(404, "Customer not found") from error
        return Response({"success": True})


def _valid(model: type[Body], value: dict[str, Any]) -> Body:
    try:
        return parse(model, value)
    except InvalidBody as error:
        raise _validation_failed(error.errors) from error


def _validation_failed(errors: list[dict[str, str]]) -> ApiError:
    return ApiError(422, "Validation failed", errors=errors)


def _held_elsewhere(position: int) -> dict[str, str]:
    return {"field": f"data[{position}].call.id", "message": "id is already used in another sub-tenant"}


def _unknown_cursor(field: str) -> dict[str, str]:
    return {"field": field, "message": f"{field} {NO_CURSOR}"}


def _data(data: dict[str, Any]) -> Response:
    return Response({"success": True, "data": data})


def _address_with(request: Request, name: str, value: int | None) -> str:
    """The address of the request, with another value of one of its query fields."""
    return str(replace_query_param(request.build_absolute_uri(), name, value))
