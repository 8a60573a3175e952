"""When a presigned recording URL stops working, read from the URL itself.

Amazon's signature 4 says when it was signed and for how long (``X-Amz-Date``, ``X-Amz-Expires``), the older
one when it ends (``Expires``), as Azure's shared access signature does (``se``).
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

# For so long the network document asks presigned URLs to work.
ASKED_FOR = timedelta(hours=24)


def expiry_of(url: str) -> datetime | None:
    """The moment after which ``url`` will be refused; None where it does not say."""
    if "?" not in url:
        return None
    query = {name.lower(): values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    readings = (_amazon(query), _azure(query), _epoch(query))
    return next((expiry for expiry in readings if expiry is not None), None)


def _amazon(query: dict[str, str]) -> datetime | None:
    for vendor in ("amz", "goog"):
        signed, seconds = query.get(f"x-{vendor}-date"), query.get(f"x-{vendor}-expires")
        if signed and seconds and seconds.isascii() and seconds.isdigit() and len(seconds) < 9:
            return _plus(_parsed(signed, "%Y%m%dT%H%M%SZ"), int(seconds))
    return None


def _azure(query: dict[str, str]) -> datetime | None:
    if "sig" not in query or "se" not in query:
        return None
    try:
        expiry = datetime.fromisoformat(query["se"])
        return expiry.astimezone(UTC) if expiry.tzinfo else expiry.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _epoch(query: dict[str, str]) -> datetime | None:
    seconds = query.get("expires", "")
    if "signature" not in query or not (seconds.isascii() and seconds.isdigit()) or len(seconds) > 11:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None


def _plus(moment: datetime | None, seconds: int) -> datetime | None:
    try:
        return moment + timedelta(seconds=seconds) if moment else None
    except OverflowError:
        return None
