"""Calls of the network surface: taken in one at a time, asked after, tried again (network spec)."""

import re
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from calls import selectors
from calls.api.network import checks, openapi, render
from calls.api.network.base import NetworkViewSet, no_call_found, refusal
from calls.api.network.schemas import VERSION, NetworkRetryBody, parse
from calls.models import Call, Outcome, Source
from calls.services import ingest, recordings
from partners.models.keys import Scope
from zipingest import work
from zipingest.api.middleware import request_id

_CUID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_USED = "external_call_unique_id has already been used"
_NOT_FAILED = "The recording of this call has not failed; only a failed one is tried again"


class CallsViewSet(NetworkViewSet):
    """Recorded calls, coming in."""

    version = VERSION
    scope = Scope.INGEST
    ingests = True

    @openapi.create("POST", "network_create_call")
    @openapi.create("PUT", "network_put_call")
    def create(self, request: Request, version: str) -> Response:
        assert self.network is not None, "only networks ingest"
        draft = checks.draft_of(self.body(), self.sub_tenant, self.network)
        origin = ingest.Origin(
            partner=self.caller.partner,
            sub_tenant=self.sub_tenant,
            sandbox=self.caller.key.sandbox,
            request_id=request_id(request._request),
            source=Source.NETWORK,
        )
        (item,) = ingest.ingest_batch(origin=origin, drafts=[draft]).items
        if item.outcome == Outcome.CONFLICT:
            raise refusal(409, "RecordConflict", _USED)
        status = 201 if item.outcome == Outcome.ACCEPTED else 202
        return Response(render.cuid_body(selectors.uuid_of(item.call_id)), status)


class CallViewSet(NetworkViewSet):
    """What became of a call."""

    version = VERSION
    scope = Scope.READ

    @openapi.status
    def retrieve(self, request: Request, version: str, cuid: str) -> Response:
        return Response(render.status_body(_found(self, cuid), work.database_now()))


class RetryViewSet(NetworkViewSet):
    """Failed calls, once more."""

    version = VERSION
    scope = Scope.INGEST
    ingests = True

    @openapi.retry
    def retry(self, request: Request, version: str, cuid: str) -> Response:
        call = _found(self, cuid)
        body = parse(NetworkRetryBody, self.body(), self.network)
        url = body.recording_url or call.recording.source_url
        auth = checks.auth_config(self.sub_tenant, body.recording_auth_config_id, url)
        if not recordings.take_up(call=call, url=body.recording_url, auth=auth):
            raise refusal(409, "RecordConflict", _NOT_FAILED)
        return Response(render.cuid_body(call.uuid), 202)


def _found(view: NetworkViewSet, cuid: str) -> Call:
    call = selectors.network_call(view.sub_tenant, UUID(cuid)) if _CUID.fullmatch(cuid) else None
    if call is None:
        raise no_call_found()
    return call
