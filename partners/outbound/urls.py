"""The form of a URL, judged on exactly the text that would be sent."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from django.conf import settings
from requests.utils import requote_uri

from partners.outbound.errors import InvalidUrl

MAX_URL_LENGTH = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

# Characters on which URL parsers disagree about where the host ends, and ones no URL has.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\s]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(?:\.{_LABEL})*\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the form in which it is sent, and its parts (`host` without brackets).

    `trusted`: of a configured source, and one of OUTBOUND_TRUSTED.
    """

    url: str
    scheme: str
    host: str
    port: int
    trusted: bool = False

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def server_name(self) -> str:
        """The name a certificate must be valid for: without the root's trailing dot (RFC 6066 §3)."""
        return self.host.rstrip(".")

    @property
    def resource(self) -> str:
        """What is asked of the server: path and query (RFC 9112 §3.2.1)."""
        parts = urlsplit(self.url)
        return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own (RFC 9110 §7.2)."""
        host = bracketed(self.server_name)
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, *, schemes: Collection[str], configured: bool = False) -> Target:
    """The target `url` names, by its form alone: nothing is resolved.

    `configured` says that staff has configured the URL's host: OUTBOUND_TRUSTED holds for it, whose pairs may
    have any port, be asked in plain http, and lie on private addresses. It never holds for a request's URL.
    With ALLOW_LOOPBACK any port passes, and plain http to a loopback literal passes where only https may;
    both are judged again once the address is known (`require_public_form`). Raises `InvalidUrl`.
    """
    if len(url) > MAX_URL_LENGTH:
        raise InvalidUrl(f"the URL is longer than {MAX_URL_LENGTH} characters")
    if _FORBIDDEN.search(url):
        raise InvalidUrl("the URL holds a space, a backslash or another character no URL may hold")
    target = _parse(url)
    if configured and is_trusted(target.host, target.port):
        return replace(target, trusted=True)
    if settings.ALLOW_LOOPBACK:
        if not _is_loopback_literal(target.host):
            _require_scheme(target, schemes)
    else:
        require_public_form(target, schemes=schemes)
    return target


def require_public_form(target: Target, *, schemes: Collection[str]) -> None:
    """Raise `InvalidUrl` unless scheme and port are allowed on the public internet."""
    _require_scheme(target, schemes)
    if target.port not in settings.OUTBOUND_PORTS:
        raise InvalidUrl(f"the URL names port {target.port}, which is not allowed")


def redirected(target: Target, location: str, *, schemes: Collection[str]) -> Target:
    """Where a redirect from `target` to `location` leads. Raises `InvalidUrl`, also from https to http."""
    try:
        # Headers are read as Latin-1; what servers write into them beyond ASCII is UTF-8.
        url = urljoin(target.url, requote_uri(location.encode("latin-1").decode(errors="replace")))
    except (ValueError, requests.RequestException):
        raise InvalidUrl("the server redirects to something that is not a URL") from None
    following = check_url(url, schemes=schemes)
    if target.scheme == "https" and following.scheme != "https":
        raise InvalidUrl("the server redirects from https to plain http")
    return following


def is_trusted(host: str, port: int) -> bool:
    """Whether OUTBOUND_TRUSTED has the pair."""
    return f"{bracketed(host.lower().rstrip('.'))}:{port}" in settings.OUTBOUND_TRUSTED


def is_host(text: str) -> bool:
    """Whether `text` is a name or an address in the form in which we look them up."""
    return _NAME.fullmatch(text) is not None or _is_ipv6(text)


def bracketed(host: str) -> str:
    """`host` as it stands in a URL: IPv6 addresses in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host else host


def _parse(url: str) -> Target:
    parts = _split(url)
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidUrl("the URL must start with http:// or https://")
    # Asked of both texts: preparing drops user information that is empty.
    if "@" in parts.netloc or "@" in urlsplit(url).netloc:
        raise InvalidUrl("the URL holds a user name or password")
    host = parts.hostname or ""
    if not is_host(host):
        raise InvalidUrl("the URL's host is neither a name nor an address")
    return Target(parts.geturl(), parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme])


def _split(url: str) -> SplitResult:
    """The parts of the URL that `requests` makes of `url`: IDN in its ASCII form, percent signs in order."""
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(url, None)
        parts = urlsplit(prepared.url or "")
        parts.port  # noqa: B018 - reading it is what checks it
    except (requests.RequestException, ValueError):
        raise InvalidUrl("the URL is not well formed") from None
    return parts


def _is_ipv6(host: str) -> bool:
    # A zone id ("%eth0") names an interface of this machine; no public address has one.
    try:
        return "%" not in host and ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _is_loopback_literal(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_scheme(target: Target, schemes: Collection[str]) -> None:
    if target.scheme not in schemes:
        raise InvalidUrl(f"the URL must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
