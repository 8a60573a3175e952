"""The console's site: who may enter, and the pages of the second factor before it.

Not in ``partners.admin``: whoever registers the first page of the console makes the site.
"""

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import AdminSite as UnfoldAdminSite
else:
    from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):
    """Opens to our own staff; where SECOND_FACTOR is set, once the session has shown one.

    Every page of the console asks ``has_permission`` (``admin_view``), so this is the one place.
    """

    def has_permission(self, request: HttpRequest) -> bool:
        return self.knows(request) and (not settings.SECOND_FACTOR or has_shown_second_factor(request))

    def knows(self, request: HttpRequest) -> bool:
        """Whether somebody of our own staff has signed in, by the password alone."""
        return super().has_permission(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "GET" and self.knows(request) and not self.has_permission(request):
            going_to = urlencode({"next": request.GET.get("next", reverse("admin:index"))})
            return HttpResponseRedirect(f"{reverse('admin:second_factor')}?{going_to}")
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from partners.admin import second_factor  # noqa: PLC0415 - its widgets need the site

        return [
            path("second-factor/", self._to_staff(second_factor.ask), name="second_factor"),
            path("second-factor/set-up/", self._to_staff(second_factor.set_up), name="second_factor_set_up"),
            path("second-factor/change/", self.admin_view(second_factor.change), name="second_factor_change"),
            *super().get_urls(),
        ]

    def _to_staff(self, view: "Callable[..., HttpResponseBase]") -> "Callable[..., HttpResponseBase]":
        """For whoever has given the password: what the second factor itself takes."""

        @never_cache
        @wraps(view)
        def inner(request: HttpRequest) -> HttpResponseBase:
            if not self.knows(request):
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            return view(request)

        return inner


def has_shown_second_factor(request: HttpRequest) -> bool:
    """Whether this session has, of the authenticator that its person has now (OTPMiddleware)."""
    return getattr(request.user, "otp_device", None) is not None
