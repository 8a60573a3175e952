"""From the exceptions of three libraries to one `OutboundError` in plain words."""

import http.client
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests
import urllib3.exceptions
from requests_hardened.ip_filter import InvalidIPAddress  # type: ignore[import-untyped]  # ships no type hints

from partners.outbound.deadline import Deadline
from partners.outbound.errors import AddressRefused, DeadlineExceeded, NetworkFault, OutboundError, Truncated

# What sending and receiving may raise. ValueError: hostile headers and chunk sizes reach `int()` in places.
TRANSPORT_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)

# The first kind found anywhere in the chain of causes names the fault, so the specific stand first.
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "the secure connection (TLS) could not be set up"),
    (ConnectionRefusedError, "the server refused the connection"),
    (http.client.RemoteDisconnected, "the server closed the connection without an answer"),
    (ConnectionError, "the connection was cut"),
    (urllib3.exceptions.ConnectTimeoutError, "the server did not accept the connection in time"),
    (urllib3.exceptions.ReadTimeoutError, "the server fell silent"),
    (TimeoutError, "the server fell silent"),
    (OSError, "the server cannot be reached"),
)
_CERTIFICATE_WORDS = {
    # Numbers of X509_V_ERR_… in OpenSSL's x509_vfy.h.
    10: "the server's certificate has expired",
    18: "the server's certificate is self-signed",
    19: "the server's certificate is not from an authority we trust",
    20: "the server's certificate is not from an authority we trust",
    62: "the server's certificate is not valid for this name",
    64: "the server's certificate is not valid for this address",
}


def explain(error: BaseException) -> OutboundError:
    """The `OutboundError` that says what `error`, one of `TRANSPORT_ERRORS`, means."""
    # The outermost, requests' own, are OSErrors themselves and say nothing their causes do not.
    chain = list(_causes(error))
    if any(isinstance(cause, InvalidIPAddress) for cause in chain):
        return AddressRefused()
    if any(isinstance(cause, http.client.IncompleteRead) for cause in chain):
        return Truncated()
    causes = [cause for cause in chain if not isinstance(cause, requests.RequestException)]
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            words = _CERTIFICATE_WORDS.get(cause.verify_code, "the server's certificate is not valid")
            return NetworkFault(words)
    for kind, words in _WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return NetworkFault(words)
    return NetworkFault("the server's answer is not valid HTTP")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextmanager
def in_plain_words(
    deadline: Deadline,
    *,
    errors: tuple[type[Exception], ...] = TRANSPORT_ERRORS,
    explained: Callable[[Exception], OutboundError] = explain,
) -> Iterator[None]:
    """Lets nothing out but an `OutboundError`; whatever fails once `deadline` has passed is its doing.

    Another protocol than HTTP has `errors` of its own, and tells what they mean.
    """
    # `from None`: the libraries' messages quote the URL with its query, or whatever a server says.
    try:
        yield
    except OutboundError as error:
        if error.permanent or not deadline.expired:
            raise
        raise DeadlineExceeded(deadline.seconds) from None
    except errors as error:
        deadline.check()
        raise explained(error) from None
