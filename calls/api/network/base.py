"""The checks every request of the network surface goes through, in the order of the spec."""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request

from calls.models import Network
from partners import keys
from partners.api.keyed import KeyedViewSet, SingleKey
from partners.models import SubTenant
from partners.models.keys import Scope
from zipingest.api.body import read_json
from zipingest.api.errors import ApiError

MAX_BODY_BYTES = 5 * 1024 * 1024
# What a body holds besides its content, and what no log, row or answer may hold.
TOKEN_FIELD = "oauth_token"  # noqa: S105 - the name of a field, not a token
NO_CALL = "No call found. Please refer to the documentation."
# By the part of a body whose entries have names.
NOT_CONFIGURED = {
    "signals": "signal must already exist in your Signal AI configuration",
    "custom_data": "field must already exist in your Custom Data configuration",
}


def refusal(status: int, class_: str, message: str) -> ApiError:
    """An error of this surface: its class and its text."""
    return ApiError(status, message, extra={"class": class_})


def record_invalid(problems: list[str]) -> ApiError:
    """All that is wrong with a request, in one answer."""
    return refusal(403, "RecordInvalid", f"Validation failed: {'; '.join(problems)}")


def unknown_name(part: str, place: int) -> ApiError:
    """The account has set up nothing of the name that stands at ``place`` of that part of a body."""
    return refusal(403, f"{part}[{place}].name", NOT_CONFIGURED[part])


def no_call_found() -> ApiError:
    return refusal(404, "RecordNotFound", NO_CALL)


class OauthToken(SingleKey):
    """In ``Authorization``, with or without ``Bearer``, in the body, or in the query of a GET."""

    def shown(self, request: Request) -> str:
        return _token_of(request)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class NetworkViewSet(KeyedViewSet):
    """``version``: the only one its routes know. ``ingests``: only for networks with ingestion enabled."""

    authentication_classes = [OauthToken]
    http_method_names = ["get", "head", "post", "put"]
    version: str
    scope: Scope = Scope.INGEST
    ingests = False
    # None where nothing was ever configured: an account that is no network.
    network: Network | None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if kwargs["version"] != self.version:
            message = f"API version {kwargs['version'][:32]} is not valid for this route"
            raise refusal(400, "InvalidVersion", message)
        super().initial(request, *args, **kwargs)

    def account_of(self, request: Request) -> SubTenant:
        account = SubTenant.objects.select_related("network").get(apikey=self.caller.key)
        self.network = getattr(account, "network", None)
        return account

    def check_allowed(self) -> None:
        super().check_allowed()
        if self.ingests and not (self.network and self.network.ingestion_enabled):
            raise ApiError(403)

    def shown_key_id(self) -> str:
        """Nothing that is not surely a key's id."""
        with suppress(ApiError):
            return keys.id_in(_token_of(self.request))
        return ""

    def body(self) -> dict[str, Any]:
        """The request's JSON object, without the token; of no body, an empty one."""
        body: dict[str, Any] = _without_token(_body_of(self.request._request))
        return body


def _token_of(request: Request) -> str:
    """What is shown as a token; "" where nothing is. Raises ApiError where the body cannot be read."""
    header = request.headers.get("Authorization", "").strip()
    if header:
        scheme, _, rest = header.partition(" ")
        return rest.strip() if scheme.lower() == "bearer" else header
    if request.method in ("GET", "HEAD"):
        return str(request.query_params.get(TOKEN_FIELD, ""))
    if request.method in ("POST", "PUT"):
        given = _body_of(request._request).get(TOKEN_FIELD, "")
        return given if isinstance(given, str) else ""
    return ""


def _body_of(request: HttpRequest) -> dict[str, Any]:
    """Parsed once: the token may lie in it."""
    known: dict[str, Any] | None = request.META.get("zipingest.network_body")
    if known is None:
        value = {} if _is_empty(request) else read_json(request, max_bytes=MAX_BODY_BYTES)
        if not isinstance(value, dict):
            raise ApiError(400, "The request body must be a JSON object")
        request.META["zipingest.network_body"] = known = value
    return known


def _is_empty(request: HttpRequest) -> bool:
    """Whether there is no body at all (RFC 9112 section 6.3), as in a retry that changes nothing."""
    return (
        request.META.get("CONTENT_LENGTH") in (None, "", "0") and "HTTP_TRANSFER_ENCODING" not in request.META
    )


def _without_token(value: Any) -> Any:
    """Also where the token stands deeper than it should: nothing that is stored may hold it."""
    if isinstance(value, dict):
        return {name: _without_token(inner) for name, inner in value.items() if name != TOKEN_FIELD}
    return [_without_token(inner) for inner in value] if isinstance(value, list) else value
