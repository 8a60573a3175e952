"""Doors of an account's members: who calls, how often, and whether they may (telesales spec)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from partners import credentials, quota, tokens
from partners.api.guards import too_many_requests
from partners.api.throttling import quota_headers
from partners.api.wire import Model, parse
from partners.members import Member
from partners.models import AccessToken, Right, User
from zipingest.api.addresses import client_address
from zipingest.api.body import read_json
from zipingest.api.errors import ApiError
from zipingest.api.middleware import note
from zipingest.api.negotiation import AlwaysJson

MAX_BODY_BYTES = 1024 * 1024


class BearerToken(BaseAuthentication):
    """``Authorization: Bearer <id>|<secret>``; without one the next class is asked."""

    def authenticate(self, request: Request) -> tuple[Member, AccessToken] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = tokens.verify(text.strip())
        except tokens.InvalidToken as error:
            raise unauthenticated() from error
        note(token=str(token.pk))
        if not tokens.may_come_from(token, client_address(request._request)):
            raise ApiError(403)
        credentials.note_use(token)
        return Member.of_token(token), token


class MemberSession(BaseAuthentication):
    """The session of a person signed in at /login; what changes something needs the CSRF token too."""

    def authenticate(self, request: Request) -> tuple[Member, None] | None:
        user = request._request.user
        if not isinstance(user, User) or not user.may_sign_in():
            return None
        self._check_csrf(request._request)
        note(user=str(user.pk))
        return Member.of_user(user), None

    def _check_csrf(self, request: HttpRequest) -> None:
        # The token counts as a header only: for a form's field Django would read the body, whatever its size.
        if request.method not in ("GET", "HEAD") and "X-CSRFToken" not in request.headers:
            raise ApiError(403)
        check = CSRFCheck(lambda _: HttpResponse())
        check.process_request(request)
        if check.process_view(request, lambda _: HttpResponse(), (), {}):
            raise ApiError(403)


class MemberViewSet(ViewSet):
    """The checks every member's request goes through; a view names the right each of its actions needs.

    ``rights`` must name every action, with None where being a member is enough. ``forbidden``: the text of
    the 403 to whom the right is not given.
    """

    authentication_classes = [BearerToken, MemberSession]
    content_negotiation_class = AlwaysJson
    # No OPTIONS: what a route takes stands in the documentation, and no page of others calls this surface.
    http_method_names = ["get", "head", "post", "put", "delete"]
    rights: ClassVar[Mapping[str, Right | None]] = {}
    forbidden = ""
    member: Member
    rate_limit_headers: dict[str, str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # A charset in Content-Type must not decide how the query string is read.
        request._request.encoding = "utf-8"
        self.rate_limit_headers = {}
        if not isinstance(request.user, Member):
            raise unauthenticated()
        self.member = request.user
        self.rate_limit_headers = _spend_quota(self.member)
        self._check_right()
        super().initial(request, *args, **kwargs)

    def _check_right(self) -> None:
        if self.action not in self.action_map.values():
            return  # a method that the route does not have: 405 follows
        right = self.rights[self.action]
        if right is not None and not self.member.may(right):
            raise ApiError(403, self.forbidden)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        for name, value in getattr(self, "rate_limit_headers", {}).items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)

    def body(self, model: type[Model], *, max_bytes: int = MAX_BODY_BYTES) -> Model:
        """The request's JSON as ``model``. Raises ApiError 400, 411, 413, 415 and 422."""
        return body_of(self.request._request, model, max_bytes=max_bytes)

    def json_object(self, *, max_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
        """The request's JSON where its model depends on what is in it. Raises ApiError 400, 411, 413, 415."""
        return object_of(self.request._request, max_bytes=max_bytes)

    def query(self, model: type[Model]) -> Model:
        """The query string as ``model``. Raises ApiError 422."""
        return parse(model, self.request.query_params.dict())


def body_of(request: HttpRequest, model: type[Model], *, max_bytes: int) -> Model:
    return parse(model, object_of(request, max_bytes=max_bytes))


def object_of(request: HttpRequest, *, max_bytes: int) -> dict[str, Any]:
    value = read_json(request, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise ApiError(400)
    return value


def unauthenticated(message: str = "") -> ApiError:
    return ApiError(401, message, headers={"WWW-Authenticate": "Bearer"})


def _spend_quota(member: Member) -> dict[str, str]:
    """Count a request of the token, or of the person signed in; the X-RateLimit headers of the answer."""
    who = f"token:{member.token.pk}" if member.token else f"user:{member.user.pk if member.user else ''}"
    spent = quota.spend_named(who, settings.MEMBER_RATE_LIMIT)
    headers = quota_headers(spent)
    if not spent.allowed:
        raise too_many_requests(spent.reset_after, headers)
    return headers
