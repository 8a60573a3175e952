"""One exchange with a server: addresses judged and pinned, TLS verified, ended on time.

`requests-hardened` pins the address and keeps the name for TLS. On top of it: every answer of the resolver is
judged by our own, stricter list; lookups and the exchange as a whole have a deadline.
"""

import logging
import socket
from collections.abc import Collection, Mapping
from typing import Any, Self

import requests
from django.conf import settings
from requests_hardened import Config, HTTPSession  # type: ignore[import-untyped]  # ships no type hints
from requests_hardened.ip_filter_adapter import IPFilterAdapter  # type: ignore[import-untyped]  # ships no type hints
from urllib3.connection import HTTPConnection, HTTPSConnection

from partners.outbound import faults
from partners.outbound.connection import judged_address, trusted_roots
from partners.outbound.credentials import NO_CREDENTIALS, Credentials
from partners.outbound.deadline import Deadline
from partners.outbound.errors import OutboundError
from partners.outbound.transcript import Hop, hop
from partners.outbound.urls import Target, bracketed, check_url

USER_AGENT = "Zipingest/0.1.0"
_PLAIN = {"Accept-Encoding": "identity", "Connection": "close"}

# Its complaint about a malformed header quotes the whole URL, and queries hold signatures and tokens.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class _Watched(HTTPConnection):
    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = deadline

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self._deadline.watch(sock)
        return sock


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class PinningAdapter(IPFilterAdapter):  # type: ignore[misc]  # untyped base
    """Connects to an address it has judged itself, under the name the URL gives."""

    def __init__(self, target: Target, *, schemes: Collection[str], deadline: Deadline) -> None:
        super().__init__(is_https_proto=target.scheme == "https", allow_loopback=settings.ALLOW_LOOPBACK)
        self._trusted = target.trusted
        self._schemes = schemes
        self._deadline = deadline

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        target = check_url(request.url or "", schemes=self._schemes, configured=self._trusted)
        address = judged_address(target, schemes=self._schemes, deadline=self._deadline)
        # The base class is shown the address instead of the name: nothing is looked up a second time, and
        # its own list is a second opinion on the address, but for a trusted one, which may be private.
        pinned = request.copy()
        pinned.url = f"{target.scheme}://{bracketed(address)}:{target.port}/"
        base = super(IPFilterAdapter, self) if target.trusted else super()
        attributes_of = base.build_connection_pool_key_attributes  # type: ignore[attr-defined] # not in its stubs
        host_params, pool_kwargs = attributes_of(pinned, verify, cert)
        request.headers["Host"] = target.authority
        if target.scheme == "https":
            pool_kwargs["ssl_context"] = trusted_roots(settings.OUTBOUND_CA_FILE)
            pool_kwargs["server_hostname"] = target.server_name
            # Without it the context itself compares the name, before anything is sent.
            pool_kwargs["assert_hostname"] = None
        return host_params, pool_kwargs

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _WatchedTLS if pool.scheme == "https" else _Watched
        pool.conn_kw["deadline"] = self._deadline
        return pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the context verifies; the base class would load the bundle again for each connection."""


class _Session(HTTPSession):  # type: ignore[misc]  # untyped base
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even when told to follow nothing, `requests` reads a redirect's whole body into memory."""


class Exchange:
    """A session for one call: `send` and `read` raise nothing but `OutboundError`.

    Environment proxies and .netrc are not consulted, redirects are left to the caller.
    """

    def __init__(self, *, schemes: Collection[str], deadline_seconds: float) -> None:
        self.schemes = schemes
        self.deadline = Deadline(deadline_seconds)
        self.hops: list[Hop] = []
        self._session = _Session(_CONFIG)
        self._session.trust_env = False

    def __enter__(self) -> Self:
        self.deadline.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.deadline.__exit__(kind, error, trace)
        self._session.close()
        if isinstance(error, OutboundError):
            error.hops = tuple(self.hops)

    def get(
        self,
        target: Target,
        *,
        headers: Mapping[str, str],
        credentials: Credentials = NO_CREDENTIALS,
    ) -> requests.Response:
        """The answer up to its headers, which do not repeat the credentials; its body is still to be read."""
        headers = {"Accept": "*/*", **credentials.headers, **headers, **_PLAIN}
        request = requests.Request("GET", credentials.added_to(target.url), headers=headers)
        adapter = PinningAdapter(target, schemes=self.schemes, deadline=self.deadline)
        self._session.mount(f"{target.scheme}://", adapter)
        with faults.in_plain_words(self.deadline):
            prepared = self._session.prepare_request(request)
            timeouts = (
                self.deadline.at_most(settings.OUTBOUND_CONNECT_SECONDS),
                self.deadline.at_most(settings.OUTBOUND_READ_SECONDS),
            )
            self.hops.append(hop(target))
            response: requests.Response = self._session.send(prepared, stream=True, timeout=timeouts)
            for name, value in response.headers.items():
                response.headers[name] = credentials.masked(value)
            self.hops[-1] = hop(target, response.status_code, response.headers)
            return response

    def read(self, response: requests.Response, size: int) -> bytes:
        """The next bytes of the body, at most `size`, as they were sent; none at its end."""
        with faults.in_plain_words(self.deadline):
            # read1 takes what one receive gives. read() waits for all of `size`, and on a chunk of negative
            # size for everything the server ever sends.
            piece: bytes = response.raw.read1(size, decode_content=False) or b""
            self.deadline.check()
        return piece


# Its filter is off because our adapter, which is its filter and more, is mounted instead.
_CONFIG = Config(
    ip_filter_enable=False,
    ip_filter_allow_loopback_ips=False,
    never_redirect=True,
    default_timeout=None,
    user_agent_override=USER_AGENT,
)
