"""Pages for signing in and out."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse

from partners.api import guards
from partners.forms import SignInForm


class SignInView(LoginView):
    """The sign-in; whoever is signed in is told so, and may sign out."""

    http_method_names = ["get", "head", "post"]
    form_class = SignInForm
    template_name = "accounts/login.html"

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        held_back = form.held_back if isinstance(form, SignInForm) else None
        if held_back is None:
            return response
        response.status_code = 429
        response.headers["Retry-After"] = str(held_back.seconds)
        for name, value in guards.held_back_headers(held_back.seconds).items():
            response.headers[name] = value
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(title="Sign in", **kwargs)


class SignOutView(LogoutView):
    http_method_names = ["post"]
