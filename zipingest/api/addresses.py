"""Whose request is it: the client's address, as far as our own proxies vouch for it."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that connected to us or, through trusted proxies, to the outermost of them.

    ``X-Forwarded-For`` is read from the right: what stands left of the first address that is not one of
    ``TRUSTED_PROXIES`` was written by the client and counts for nothing.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    while address in settings.TRUSTED_PROXIES and forwarded and forwarded[-1]:
        address = forwarded.pop()
    return address
