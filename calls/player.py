"""The console's way to a recording: ranges for the player, the whole file to keep, and an audit of both."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from calls import giving
from calls.models import AccessKind, Call
from calls.services import audit
from partners.models import User

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def serve(request: HttpRequest, call: Call, kind: AccessKind) -> HttpResponseBase:
    """The stored recording of ``call``; noted in the access audit where audio leaves the house.

    A 410 in plain words where it is past retention. Raises Http404 where nothing is stored, and
    zipingest.storage.StorageError.
    """
    disposition = content_disposition_header(kind == AccessKind.DOWNLOAD, _file_name(call))
    headers = {"Content-Disposition": disposition or "inline"}
    try:
        return giving.give(request, _kept(call), actor=_actor(request), kind=kind, headers=headers)
    except giving.Expired:
        return HttpResponse(why_gone(call), status=410, content_type="text/plain; charset=utf-8")
    except giving.NoRecording as error:
        raise Http404 from error


def why_gone(call: Call) -> str:
    """Why the recording of ``call`` is not given out any more; empty while it is."""
    kept = _kept(call)
    if kept.expired_at is None:
        return ""
    moment = kept.expired_at.strftime("%Y-%m-%d %H:%M UTC")
    if kept.expires_at and kept.expires_at <= kept.now:
        return f"The recording passed the account's retention window at {moment} and is no longer given out."
    return f"The recording was removed at {moment}."


def _kept(call: Call) -> giving.Kept:
    kept = giving.find(Call.objects.filter(pk=call.pk))
    if kept is None:  # deleted since it was read
        raise Http404
    return kept


def _file_name(call: Call) -> str:
    """The call's id as far as every file system takes it."""
    return f"{_UNSAFE.sub('_', str(call))[:100].strip('._') or call.uuid}.wav"


def _actor(request: HttpRequest) -> audit.Actor:
    assert isinstance(request.user, User), "the console lets nobody else in"
    return giving.actor_of(request, request.user.get_username(), request.user)
