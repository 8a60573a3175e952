"""What was asked and answered on the way to a file, fit to be shown: no query, no cookie, no credential."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from partners.outbound.urls import Target

# Those that explain an answer. An allow-list, because nobody knows all headers that hold secrets.
_SHOWN = (
    "Accept-Ranges",
    "Age",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Retry-After",
    "Server",
    "Transfer-Encoding",
    "Via",
)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Hop:
    """One request: `url` as far as the query, `status` None where no answer came, headers that explain."""

    url: str
    status: int | None
    headers: Mapping[str, str]


def hop(target: Target, status: int | None = None, headers: Mapping[str, str] | None = None) -> Hop:
    shown = {name: headers[name][:_LONGEST] for name in _SHOWN if headers and name in headers}
    return Hop(urlsplit(target.url)._replace(query="", fragment="").geturl(), status, shown)
