"""Who calls on the partner surface: key and secret, then the tenant and sub-tenant they act for."""

from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage  # type: ignore[import-untyped]  # ships no type hints
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from partners import credentials, keys
from partners.models import ApiKey, Partner, SubTenant
from zipingest.api.addresses import client_address
from zipingest.api.errors import ApiError
from zipingest.api.middleware import note
from zipingest.prepared import Prepared

_GRANTED = Prepared(SubTenant.objects.all(), "tenant__external_id", "external_id", "grants__partner")


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated partner and the key it showed; what DRF calls the user of the request."""

    partner: Partner
    key: ApiKey
    is_authenticated: bool = True

    @classmethod
    def of(cls, request: Request) -> "Caller":
        return cast(Caller, request.user)


class KeyAndSecret(BaseAuthentication):
    """``x-api-key`` and ``x-api-secret``: one missing is 401, anything wrong with them 403."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey]:
        key_id = request.headers.get("x-api-key", "")
        secret = request.headers.get("x-api-secret", "")
        if not key_id or not secret:
            raise refused_authentication(request._request, ApiError(401))
        try:
            key = keys.verify(key_id=key_id, secret=secret)
        except keys.InvalidKey as error:
            raise refused_authentication(request._request, ApiError(403)) from error
        credentials.note_use(key)
        note(partner=key.partner.name, key=key.key_id)
        return Caller(key.partner, key), key


def granted_sub_tenant(request: Request, key: ApiKey) -> SubTenant:
    """The sub-tenant named in the headers, when the caller may act for it.

    Raises ApiError: 400 when a header is missing; 403 when there is no such tenant, sub-tenant or grant,
    without saying which.
    """
    tenant_id = request.headers.get("x-tenant-id", "")
    if not tenant_id:
        raise ApiError(400, "Tenant ID is required")
    sub_tenant_id = request.headers.get("x-sub-tenant-id", "")
    if not sub_tenant_id:
        raise ApiError(400, "Sub-Tenant ID is required")
    found = _GRANTED.get(
        tenant__external_id=tenant_id, external_id=sub_tenant_id, grants__partner=key.partner_id
    )
    if found is None or key.sub_tenant_id not in (None, found.pk):
        raise ApiError(403)
    return found


def refused_authentication(request: HttpRequest, refusal: ApiError) -> ApiError:
    """``refusal``, or 429 where this address has failed too often within a minute."""
    usage = get_usage(
        request,
        group="failed-authentication",
        key=lambda _, request: client_address(request),
        rate=f"{settings.FAILED_AUTHENTICATIONS_PER_MINUTE}/m",
        increment=True,
    )
    if not usage or not usage["should_limit"]:
        return refusal
    return too_many_requests(int(usage["time_left"]) + 1)


def too_many_requests(seconds: int, headers: dict[str, str] | None = None) -> ApiError:
    message = f"Rate limit exceeded. Try again in {seconds} seconds."
    return ApiError(429, message, headers={"Retry-After": str(seconds), **(headers or {})})
