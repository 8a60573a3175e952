"""Signing in and out of the telesales surface: ``/api/auth/…`` (telesales spec, Sign-in)."""

from typing import Any

from django.contrib.auth import authenticate, logout
from django.http import HttpRequest
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from partners import tokens
from partners.api import guards, openapi
from partners.api.members import MemberViewSet, body_of, unauthenticated
from partners.api.schemas import SignInBody
from partners.members import Member
from partners.models import User
from zipingest.api.errors import ApiError
from zipingest.api.negotiation import AlwaysJson

MAX_BODY_BYTES = 64 * 1024


class SignInViewSet(ViewSet):
    """The door in: open to anybody, a few tries a minute."""

    authentication_classes = []
    permission_classes = [AllowAny]
    content_negotiation_class = AlwaysJson
    http_method_names = ["post"]

    @openapi.login
    def create(self, request: Request) -> Response:
        body = body_of(request._request, SignInBody, max_bytes=MAX_BODY_BYTES)
        username = User.normalize_username(body.username)
        user = _signed_in(request._request, username, body.password)
        issued = tokens.issue_to_person(user=user, name=body.device_name or "")
        answer = {**_user_body(Member.of_user(user)), "token": issued.text}
        return Response(answer, headers={"Cache-Control": "no-store"})


class SessionViewSet(MemberViewSet):
    """Who one is, and the way out."""

    rights = {"retrieve": None, "destroy": None}

    @openapi.me
    def retrieve(self, request: Request) -> Response:
        return Response(_user_body(self.member))

    @openapi.logout
    def destroy(self, request: Request) -> Response:
        if self.member.user is None:
            raise ApiError(403)  # a machine's token is ended in the console, where it was made
        if self.member.token:
            tokens.revoke(token=self.member.token)
        else:
            logout(request._request)
        return Response(status=204)


def _signed_in(request: HttpRequest, username: str, password: str) -> User:
    """The person of an account these two belong to. Raises ApiError 401, or 429 after too many tries."""
    try:
        guards.spend_try(request, username)
    except guards.TooManyTries as error:
        raise guards.too_many_requests(error.seconds, guards.held_back_headers(error.seconds)) from error
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User) or not user.may_sign_in():
        guards.note_failure(request, username, door="api")
        raise unauthenticated("Invalid username or password.")
    guards.note_success(request, user, door="api")
    return user


def _user_body(member: Member) -> dict[str, Any]:
    """``id`` is null and ``username`` the token's name where a machine asks."""
    user = member.user
    return {
        "data": {
            "user": {
                "id": user.pk if user else None,
                "username": member.name,
                "email": user.email if user else "",
                "role": str(member.role),
                "team_id": member.sub_tenant.pk,
            }
        }
    }
