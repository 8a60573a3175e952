"""Which refusals of a partner surface are kept, so that support can say why a call did not arrive."""

from django.http import HttpRequest

from partners import rejections
from partners.models import ApiKey, Partner
from partners.rejections import Refusal
from zipingest.api.addresses import client_address
from zipingest.api.errors import ErrorAnswer
from zipingest.api.middleware import request_id

KEPT_STATUSES = (401, 403, 422, 429)


def note_refusal(
    request: HttpRequest, answer: ErrorAnswer, partner: Partner | None, *, key_id: str | None = None
) -> None:
    """Keep the refusal. Without an authenticated ``partner`` it goes to the one whose ``key_id`` was shown.

    Without a ``key_id`` it is that of the headers.
    """
    if answer.status not in KEPT_STATUSES:
        return
    if key_id is None:
        key_id = request.headers.get("x-api-key", "")[:64]
    rejections.note(
        Refusal(
            status=answer.status,
            message=answer.message,
            method=request.method or "",
            path=request.path,
            address=client_address(request),
            request_id=request_id(request),
            partner=partner or _owner(key_id),
            key_id=key_id,
            errors=answer.errors,
        )
    )


def _owner(key_id: str) -> Partner | None:
    if not key_id.isascii() or not key_id.isprintable():
        return None
    key = ApiKey.objects.select_related("partner").filter(key_id=key_id).first()
    return key.partner if key else None
