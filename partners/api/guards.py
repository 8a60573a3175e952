"""The guard of every sign-in: a few failed tries a minute, per address and per user name.

A try is counted before the password is looked at, so that tries at once do not pass together; one that
succeeded is counted as such too, and what limits is the difference.
"""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import structlog
from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage  # type: ignore[import-untyped]  # ships no type hints

from partners.api.throttling import quota_headers
from partners.models import User
from partners.quota import Quota
from zipingest.api.addresses import client_address
from zipingest.api.errors import ApiError

log = structlog.get_logger(__name__)

_TRIES, _SUCCESSES = "sign-in", "sign-in-succeeded"


@dataclass
class TooManyTries(Exception):
    """``seconds``: until the next try is looked at."""

    seconds: int

    def __str__(self) -> str:
        return f"Too many requests. Retry after {self.seconds} seconds."


def spend_try(request: HttpRequest, username: str) -> None:
    """Count a try to sign in as ``username``. Raises TooManyTries, before the password is looked at."""
    for value in _values(request, username):
        tries, seconds = _count(request, _TRIES, value, increment=True)
        succeeded, _ = _count(request, _SUCCESSES, value, increment=False)
        if tries - succeeded > settings.SIGN_IN_TRIES_PER_MINUTE:
            log.warning("sign_in_held_back", address=client_address(request), seconds=seconds)
            raise TooManyTries(seconds)


def note_success(request: HttpRequest, user: User, *, door: str) -> None:
    """``user`` signed in, at ``door``: that try does not count against anybody."""
    for value in _values(request, user.get_username()):
        _count(request, _SUCCESSES, value, increment=True)
    log.info("signed_in", user=user.pk, door=door, address=client_address(request))


def note_failure(request: HttpRequest, username: str, *, door: str) -> None:
    # The name as it was typed may be a password in the wrong box: only that of a real user is told.
    user = User.objects.filter(username=username).values_list("pk", flat=True).first()
    log.warning("sign_in_refused", user=user, door=door, address=client_address(request))


def held_back_headers(seconds: int) -> dict[str, str]:
    return quota_headers(Quota(False, settings.SIGN_IN_TRIES_PER_MINUTE, 0, seconds))


def too_many_requests(seconds: int, headers: dict[str, str]) -> ApiError:
    message = str(TooManyTries(seconds))
    return ApiError(429, message, headers={"Retry-After": str(seconds), **headers})


def _values(request: HttpRequest, username: str) -> tuple[str, str]:
    """What is counted: the address first, so that one of them cannot lock many users out."""
    return f"address:{_network(client_address(request))}", f"user:{username}"


def _network(address: str) -> str:
    """An IPv6 client commands all of its /64."""
    try:
        is_v6 = ip_address(address).version == 6
    except ValueError:
        return address
    return str(ip_network(f"{address}/64", strict=False)) if is_v6 else address


def _count(request: HttpRequest, group: str, value: str, *, increment: bool) -> tuple[int, int]:
    """How many there were in this minute, and in how many seconds the next begins."""
    rate = f"{settings.SIGN_IN_TRIES_PER_MINUTE}/m"
    usage = get_usage(request, group=group, key=lambda *_: value, rate=rate, increment=increment)
    # What could not be counted has no limit in its answer, and is refused.
    count = usage["count"] if usage["limit"] else settings.SIGN_IN_TRIES_PER_MINUTE + 1
    return int(count), max(1, int(usage["time_left"]) + 1)
