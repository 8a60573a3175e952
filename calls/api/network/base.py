"""The checks every request of the network surface goes through, in the order of the spec."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from calls.models import Network
from partners import credentials, keys
from partners.api.authentication import Caller, refused_authentication
from partners.api.refusals import note_refusal
from partners.api.throttling import spend_quota
from partners.models import ApiKey, Grant, SubTenant
from partners.models.keys import Scope
from zipingest.api.body import read_json
from zipingest.api.errors import ApiError
from zipingest.api.middleware import note
from zipingest.api.negotiation import AlwaysJson

MAX_BODY_BYTES = 5 * 1024 * 1024
# What a body holds besides its content, and what no log, row or answer may hold.
TOKEN_FIELD = "oauth_token"  # noqa: S105 - the name of a field, not a token


def refusal(status: int, class_: str, message: str) -> ApiError:
    """An error of this surface: its class and its text."""
    return ApiError(status, message, extra={"class": class_})


def record_invalid(problems: list[str]) -> ApiError:
    """All that is wrong with a request, in one answer."""
    return refusal(403, "RecordInvalid", f"Validation failed: {'; '.join(problems)}")


class OauthToken(BaseAuthentication):
    """A key in its single-string form, bound to one sub-tenant.

    It stands in ``Authorization``, with or without ``Bearer``, in the body, or in the query of a GET.
    """

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey]:
        try:
            key = keys.verify_single(_token_of(request))
        except keys.InvalidKey as error:
            raise refused_authentication(request._request, ApiError(401)) from error
        granted = Grant.objects.filter(partner=key.partner_id, sub_tenant=key.sub_tenant_id)
        if key.sub_tenant_id is None or not granted.exists():
            raise refused_authentication(request._request, ApiError(401))
        credentials.note_use(key)
        note(partner=key.partner.name, key=key.key_id)
        return Caller(key.partner, key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class NetworkViewSet(ViewSet):
    """``version``: the only one its routes know. ``scope``: what the key must allow.

    ``ingests``: whether the route is for networks only whose ingestion is enabled.
    """

    authentication_classes = [OauthToken]
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "head", "post", "put"]
    version: str
    scope: Scope = Scope.INGEST
    ingests = False
    caller: Caller
    sub_tenant: SubTenant
    # None where nothing was ever configured: an account that is no network.
    network: Network | None
    rate_limit_headers: Mapping[str, str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        request._request.encoding = "utf-8"
        self.rate_limit_headers = {}
        if kwargs["version"] != self.version:
            message = f"API version {kwargs['version'][:32]} is not valid for this route"
            raise refusal(400, "InvalidVersion", message)
        self.perform_authentication(request)
        self.caller = Caller.of(request)
        self.rate_limit_headers = spend_quota(self.caller.partner)
        assert self.caller.key.sub_tenant_id is not None, "OauthToken takes bound keys only"
        self.sub_tenant = SubTenant.objects.select_related("network").get(pk=self.caller.key.sub_tenant_id)
        self.network = getattr(self.sub_tenant, "network", None)
        enabled = self.network is not None and self.network.ingestion_enabled
        if not self.caller.key.allows(self.scope) or (self.ingests and not enabled):
            raise ApiError(403)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        for name, value in getattr(self, "rate_limit_headers", {}).items():
            response.headers[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, ApiError):
            caller = getattr(self, "caller", None)
            key_id = caller.key.key_id if caller else _shown_id(self.request)
            note_refusal(self.request._request, exc.answer, caller.partner if caller else None, key_id=key_id)
        return super().handle_exception(exc)

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


def _shown_id(request: Request) -> str:
    """The public part of the token that was shown; nothing that is not surely a key's id."""
    with suppress(ApiError):
        return keys.id_in(_token_of(request))
    return ""
