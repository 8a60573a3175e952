"""A URL of a request, by way of the one outbound client; with a secret where the row names an auth config."""

import re
from typing import BinaryIO

from django.conf import settings

from calls.models import AuthMethod, Recording, RecordingAuth
from calls.sources.base import secret_of
from partners import outbound
from partners.outbound import NO_CREDENTIALS, Credentials, Download, OutboundError

# RFC 9110 §5.1 and §5.5, of which we send no more than visible ASCII.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)


class HostNotCovered(OutboundError):
    """The URL is not one that the auth config's secret may go to."""

    permanent = True

    def __init__(self) -> None:
        super().__init__("the URL's host is not one of the auth config's https hosts; nothing was sent")


class AuthUnusable(OutboundError):
    """The auth config makes no valid header."""

    permanent = True

    def __init__(self) -> None:
        super().__init__("the auth config's name or secret cannot stand in a header")


class Web:
    def fetch(self, recording: Recording, to: BinaryIO) -> Download:
        url, auth = recording.source_url, recording.auth
        return outbound.download(
            url,
            to=to,
            max_bytes=settings.FETCH_MAX_BYTES,
            deadline_seconds=settings.FETCH_DEADLINE_SECONDS,
            credentials=credentials_for(auth, url) if auth else NO_CREDENTIALS,
        )


def credentials_for(auth: RecordingAuth, url: str) -> Credentials:
    """What shows ``url``'s server that we may have it. Raises `OutboundError` where it must not be shown."""
    # Judged on the text that would be sent, not on one that may be read in two ways.
    target = outbound.check_url(url, schemes=outbound.RECORDING_SCHEMES)
    if not auth.covers(target.url):
        raise HostNotCovered
    secret = secret_of(auth)
    if auth.method == AuthMethod.QUERY:
        return Credentials(query={auth.parameter: secret})
    if auth.method == AuthMethod.BEARER:
        return _header("Authorization", f"Bearer {secret}")
    return _header(auth.parameter, secret)


def _header(name: str, value: str) -> Credentials:
    if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
        raise AuthUnusable
    return Credentials(headers={name: value})
