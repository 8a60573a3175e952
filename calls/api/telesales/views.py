"""Doors of the telesales surface: parse, ask, render (telesales spec, Recordings)."""

from collections.abc import Mapping
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from calls import giving, selectors
from calls.api.telesales import openapi, render
from calls.api.telesales.schemas import RecordingsQuery, query_values
from calls.giving import Kept
from calls.models import AccessKind
from partners.api.members import MemberViewSet
from partners.api.pagination import page_body
from partners.api.wire import parse
from partners.members import Reach
from partners.models import Right
from zipingest.api.errors import ApiError
from zipingest.storage import StorageError


class RecordingViewSet(MemberViewSet):
    """Recordings of the account: listed, played, downloaded."""

    rights = {
        "newest": Right.RECORDINGS_READ,
        "stream": Right.RECORDINGS_READ,
        "download": Right.RECORDINGS_DOWNLOAD,
    }

    @openapi.recordings
    def newest(self, request: Request) -> Response:
        query = parse(RecordingsQuery, query_values(request.query_params))
        calls = selectors.matching(query.filter(self.member.sub_tenant)).filter(recording__isnull=False)
        if self.member.reach(Right.RECORDINGS_READ) is Reach.OWN:
            calls = calls.filter(agent__user=self.member.user)
        return Response(page_body(giving.with_standing(calls), query, render.recording_row))

    @openapi.stream
    def stream(self, request: Request, uuid: UUID) -> HttpResponseBase:
        kept = self._kept(uuid, Right.RECORDINGS_READ)
        headers = {"Cache-Control": f"private, max-age={kept.max_age}"}
        return self._give(request, kept, AccessKind.LISTEN, headers)

    @openapi.download
    def download(self, request: Request, uuid: UUID) -> HttpResponseBase:
        kept = self._kept(uuid, Right.RECORDINGS_DOWNLOAD)
        headers = {"Content-Disposition": f'attachment; filename="{render.file_name(kept.call)}"'}
        return self._give(request, kept, AccessKind.DOWNLOAD, headers)

    def _kept(self, uuid: UUID, right: Right) -> Kept:
        """The account's call, which the member may have. Raises ApiError 404 and 403."""
        kept = giving.find_in_account(self.member.sub_tenant, uuid)
        if kept is None:
            raise _not_found()
        agent, user = kept.call.agent, self.member.user
        is_own = agent is not None and user is not None and agent.user_id == user.pk
        if self.member.reach(right) is Reach.OWN and not is_own:
            raise ApiError(403)
        return kept

    def _give(
        self, request: Request, kept: Kept, kind: AccessKind, headers: Mapping[str, str]
    ) -> HttpResponseBase:
        actor = giving.actor_of(request._request, self.member.name, self.member.user)
        try:
            return giving.give(request._request, kept, actor=actor, kind=kind, headers=headers)
        except giving.NoRecording as error:
            raise _not_found() from error
        except giving.Expired as error:
            expired_at = {"expired_at": render.time(error.at)}
            raise ApiError(410, "Recording has exceeded the retention window.", extra=expired_at) from error
        except StorageError as error:
            raise ApiError(503, "The recording cannot be read at present.") from error


def _not_found() -> ApiError:
    return ApiError(404, "Recording not found.", extra={"error_code": "RECORDING_NOT_FOUND"})
