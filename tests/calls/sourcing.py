"""Accounts whose recordings lie in a store of theirs, and calls that name a file in it."""

from typing import Any

from calls.models import Call, DirectAccess, FetchAttempt, Recording, RecordingAuth
from calls.services import recordings
from calls.sources import direct
from tests.support import factories
from tests.work.fetching import attempt, take_in
from zipingest import crypto


def access(secret: str, **fields: Any) -> DirectAccess:
    """The direct access of the account that `named` takes calls in for."""
    sub_tenant = factories.provisioned().sub_tenant
    return DirectAccess.objects.create(sub_tenant=sub_tenant, sealed_secret=crypto.encrypt(secret), **fields)


def auth(secret: str, **fields: Any) -> RecordingAuth:
    sub_tenant = factories.provisioned().sub_tenant
    return RecordingAuth.objects.create(sub_tenant=sub_tenant, sealed_secret=crypto.encrypt(secret), **fields)


def named(access: DirectAccess, filename: str) -> Call:
    """A call whose recording is due, by the name of its file."""
    return _at(direct.address(access, filename))


def secured(url: str, auth: RecordingAuth) -> Call:
    """A call whose recording is due at ``url``, which takes a secret."""
    return _at(url, auth.pk)


def fetched(call: Call) -> Recording:
    return attempt(call)


def everything_said(log: Any) -> str:
    """What stands in the log, and in the rows about recordings."""
    rows = [str(list(model.objects.values())) for model in (Recording, FetchAttempt, Call)]
    return "\n".join([log.text, *rows])


def _at(source_url: str, auth_id: int | None = None) -> Call:
    call = take_in("https://recordings.example.com/a.wav")
    Recording.objects.filter(call=call).update(**recordings.source_of(source_url, auth_id))
    return call
