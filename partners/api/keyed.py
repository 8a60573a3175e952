"""What every surface that takes a partner's key asks first: whose it is, how often, and what it may."""

from collections.abc import Mapping
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from partners import credentials, keys
from partners.api.authentication import Caller, refused_authentication
from partners.api.refusals import note_refusal
from partners.api.throttling import spend_quota
from partners.models import ApiKey, SubTenant
from partners.models.keys import Scope
from zipingest.api.errors import ApiError
from zipingest.api.middleware import note
from zipingest.api.negotiation import AlwaysJson


class SingleKey(BaseAuthentication):
    """A key in its single-string form, bound to one sub-tenant. Surfaces say where it stands."""

    # What anything but a good key is answered with.
    refusal_status = 401

    def shown(self, request: Request) -> str:
        """The key as it was sent; "" where none was."""
        raise NotImplementedError

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey]:
        try:
            key = keys.verify_single(self.shown(request))
        except keys.InvalidKey as error:
            raise refused_authentication(request._request, ApiError(self.refusal_status)) from error
        credentials.note_use(key)
        note(partner=key.partner.name, key=key.key_id)
        return Caller(key.partner, key), key


class KeyedViewSet(ViewSet):
    """``scope``: what the key must allow. Refusals are kept, for whoever asks why nothing arrived."""

    content_negotiation_class = AlwaysJson
    scope: Scope
    caller: Caller
    sub_tenant: SubTenant
    rate_limit_headers: Mapping[str, str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # A charset in Content-Type must not decide how the query string is read.
        request._request.encoding = "utf-8"
        self.perform_authentication(request)
        self.caller = Caller.of(request)
        self.rate_limit_headers = spend_quota(self.caller.partner)
        self.sub_tenant = self.account_of(request)
        self.check_allowed()
        super().initial(request, *args, **kwargs)

    def account_of(self, request: Request) -> SubTenant:
        """The sub-tenant that is acted for: the one that the key is bound to."""
        bound = self.caller.key.sub_tenant
        assert bound is not None, "a single key is a bound one"
        return bound

    def check_allowed(self) -> None:
        """Raises ApiError 403."""
        if not self.caller.key.allows(self.scope):
            raise ApiError(403)

    def shown_key_id(self) -> str | None:
        """The public part of a key that was refused; None is that of the headers."""
        return None

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        for name, value in getattr(self, "rate_limit_headers", {}).items():
            response.headers[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, ApiError):
            caller: Caller | None = getattr(self, "caller", None)
            key_id = caller.key.key_id if caller else self.shown_key_id()
            note_refusal(self.request._request, exc.answer, caller.partner if caller else None, key_id=key_id)
        return super().handle_exception(exc)
