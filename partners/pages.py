"""Pages of an account: who is signed in, whether they may, and in which zone they read times."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views import View
from django_htmx.http import HttpResponseClientRedirect

from partners.members import Member, Reach
from partners.models import Right, User

# Set by the script of the pages (static/zipingest/zone.js).
ZONE_COOKIE = "time_zone"
_ZONES = available_timezones()


class MemberPage(View):
    """A page that members of an account see in a browser, by their session.

    ``right``: what it takes, None where being a member is enough, and ``reach`` how far it must go; where
    that is OWN, the page itself asks whose the call is.
    Whoever is not signed in goes to the sign-in and comes back; whoever may not gets a 403, and what belongs
    to another account is a 404.
    """

    right: ClassVar[Right | None] = None
    reach: ClassVar[Reach] = Reach.OWN
    http_method_names = ["get", "head", "post"]
    member: Member

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User) or not user.may_sign_in():
            return _to_sign_in(request)
        self.member = Member.of_user(user)
        if self.right is not None and not self.member.may(self.right, self.reach):
            raise PermissionDenied
        # Templates are rendered in here, and so in the viewer's zone.
        with timezone.override(zone_of(request)):
            response = super().dispatch(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def render(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """The page, or a part of one for htmx; every template knows ``member`` and ``zone``."""
        known = {"member": self.member, "zone": timezone.get_current_timezone_name(), **(context or {})}
        return render(self.request, template, known, status=status)


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The zone that the viewer's browser has told, else UTC."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    return ZoneInfo(name if name in _ZONES else "UTC")


def navigation(request: HttpRequest) -> dict[str, Any]:
    """For templates: the links of the pages that the member may see (settings.PAGES)."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.may_sign_in():
        return {"navigation": []}
    member = Member.of_user(user)
    return {
        "navigation": [
            {"title": title, "url": url, "current": request.path.startswith(url)}
            for title, url, right, reach in _entries()
            if member.may(right, reach)
        ]
    }


def _entries() -> list[tuple[str, str, Right, Reach]]:
    return [
        (title, reverse(name), Right(right), Reach(reach)) for title, name, right, reach in settings.PAGES
    ]


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    back = redirect_to_login(request.get_full_path() if request.method == "GET" else "")
    # A part of a page must not be replaced by the sign-in: the whole page goes there.
    if "HX-Request" in request.headers:
        return HttpResponseClientRedirect(reverse("login"))
    return back
