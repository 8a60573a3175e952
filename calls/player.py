"""The console's way to a recording: ranges for the player, the whole file to keep, and an audit of both."""

import re

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from calls.models import AccessKind, Call, Recording
from calls.services import audit
from partners.models import User
from zipingest.api.addresses import client_address
from zipingest.api.middleware import request_id
from zipingest.ranges import ranged_response
from zipingest.storage import ObjectMissing, default_storage

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def serve(request: HttpRequest, call: Call, kind: AccessKind) -> HttpResponseBase:
    """The stored recording of ``call``; noted in the access audit where audio leaves the house.

    Raises Http404 where nothing is stored, and zipingest.storage.StorageError.
    """
    recording = call.recording
    if not recording.is_stored:
        raise Http404
    try:
        response = _response(request, call, recording, kind)
    except ObjectMissing as error:
        raise Http404 from error
    if request.method == "GET" and response.status_code in (200, 206):
        _note(request, call, kind)
    return response


def _response(request: HttpRequest, call: Call, recording: Recording, kind: AccessKind) -> HttpResponseBase:
    assert recording.completed_at is not None, "what is stored was completed"
    disposition = content_disposition_header(kind == AccessKind.DOWNLOAD, _file_name(call))
    return ranged_response(
        request,
        storage=default_storage(),
        key=recording.key,
        size=recording.bytes or 0,
        etag=recording.sha256,
        last_modified=recording.completed_at,
        content_type="audio/wav",
        headers={"Content-Disposition": disposition or "inline"},
    )


def _file_name(call: Call) -> str:
    """The call's id as far as every file system takes it."""
    return f"{_UNSAFE.sub('_', str(call))[:100].strip('._') or call.uuid}.wav"


def _note(request: HttpRequest, call: Call, kind: AccessKind) -> None:
    assert isinstance(request.user, User), "the console lets nobody else in"
    audit.note_access(
        user=request.user,
        call=call,
        kind=kind,
        address=client_address(request),
        request_id=request_id(request),
    )
