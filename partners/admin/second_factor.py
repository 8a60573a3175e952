"""The pages of the second factor: asked for at the door of the console, set up, changed."""

from typing import Any

import django_otp
import segno
import structlog
from cryptography.fernet import InvalidToken
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views import View

from partners import second_factor
from partners.admin.toolkit import UnfoldAdminTextInputWidget
from partners.api import guards
from partners.console import has_shown_second_factor
from partners.models import Authenticator, User
from partners.second_factor import AlreadySetUp, TooManyCodes, WrongCode
from zipingest import crypto
from zipingest.api.addresses import client_address

log = structlog.get_logger(__name__)

# Until a code has proven the app, what it shares with us waits in the session, sealed.
_WAITING = "second_factor_secret"
_FEW_CODES = 3


class CodeForm(forms.Form):
    """``code``: of the app, or a recovery code. ``seconds``: set where the next one has to wait."""

    seconds = 0
    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}
            # The page is shown once its script runs, and what is hidden takes no focus before.
            | {"autofocus": True, "x-init": "$nextTick(() => $el.focus())"}
        ),
    )
    code.widget.attrs["aria-describedby"] = "id_code_said"

    def refuse(self, reason: WrongCode | AlreadySetUp | TooManyCodes) -> None:
        if isinstance(reason, TooManyCodes):
            self.seconds = reason.seconds
            self.add_error("code", str(reason))
        else:
            self.add_error("code", "This code is wrong, or was used already.")
        self.data = {}  # a code that was only too early is not shown on the screen again


class StepView(RedirectURLMixin, View):
    """A step between the password and the console: a form with a code."""

    http_method_names = ["get", "head", "post"]
    template = ""
    title = ""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if form.is_valid():
            try:
                return self.accept(form.cleaned_data["code"])
            except (WrongCode, AlreadySetUp, TooManyCodes) as reason:
                guards.note_failure(request, self.person.get_username(), door="second factor")
                form.refuse(reason)
        return self.page(form)

    def accept(self, code: str) -> HttpResponse:
        """The answer to a code that is right. Raises WrongCode, AlreadySetUp, TooManyCodes."""
        raise NotImplementedError

    def page(self, form: CodeForm, **further: Any) -> HttpResponse:
        status = 429 if form.seconds else 200
        headers = {"Retry-After": str(form.seconds)} if form.seconds else {}
        return self.render(self.template, {"form": form, **further}, status=status, headers=headers)

    def render(self, template: str, context: dict[str, Any], **answer: Any) -> HttpResponse:
        shared = admin.site.each_context(self.request)
        known = {"title": self.title, "next": self.get_redirect_url(), **shared, **context}
        return TemplateResponse(self.request, template, known, **answer)

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User), "the console is for those who are signed in"
        return self.request.user

    def let_in(self, authenticator: Authenticator) -> None:
        """From now on the session counts for more, so it goes on under another key."""
        log.info("second_factor_shown", user=self.person.pk, address=client_address(self.request))
        django_otp.login(self.request, authenticator)
        self.request.session.cycle_key()


class AskView(StepView):
    """At the door, in each new session."""

    template = "console/second_factor/ask.html"
    title = "Second factor"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not second_factor.is_set_up(self.person):
            return redirect(f"{reverse('admin:second_factor_set_up')}?{request.GET.urlencode()}")
        return super().dispatch(request, *args, **kwargs)

    def accept(self, code: str) -> HttpResponse:
        authenticator = second_factor.verify(user=self.person, code=code)
        self.let_in(authenticator)
        left = second_factor.codes_left(authenticator)
        if left < _FEW_CODES:
            messages.warning(self.request, f"Recovery codes left: {left}. Make new ones under Second factor.")
        return redirect(self.get_success_url())


class SetUpView(StepView):
    """Before somebody's first entry: the QR code, the same as text, and a code that proves the app has it."""

    template = "console/second_factor/set_up.html"
    title = "Set up the second factor"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if second_factor.is_set_up(self.person):
            return redirect("admin:second_factor_change")
        return super().dispatch(request, *args, **kwargs)

    def accept(self, code: str) -> HttpResponse:
        authenticator, codes = second_factor.set_up(user=self.person, secret=self._secret(), code=code)
        del self.request.session[_WAITING]
        self.let_in(authenticator)
        context = {"codes": codes, "go_on": self.get_success_url(), "title": "Recovery codes"}
        return self.render("console/second_factor/codes.html", context)

    def page(self, form: CodeForm, **further: Any) -> HttpResponse:
        secret = self._secret()
        uri = second_factor.uri(user=self.person, secret=secret)
        groups = [secret[start : start + 4] for start in range(0, len(secret), 4)]
        return super().page(form, qr=_qr(uri), uri=uri, groups=groups, **further)

    def _secret(self) -> str:
        try:
            return crypto.decrypt(self.request.session[_WAITING])
        except (KeyError, InvalidToken):
            secret = second_factor.new_secret()
            self.request.session[_WAITING] = crypto.encrypt(secret)
            return secret


class ChangeView(StepView):
    """For whoever is in: new recovery codes, or another app; each takes a code once more."""

    template = "console/second_factor/change.html"
    title = "Second factor"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not has_shown_second_factor(request):
            return redirect("admin:second_factor")
        return super().dispatch(request, *args, **kwargs)

    def accept(self, code: str) -> HttpResponse:
        if "another" in self.request.POST:
            second_factor.verify(user=self.person, code=code)
            second_factor.remove(user=self.person, by=self.person)
            return redirect("admin:second_factor_set_up")
        codes = second_factor.renew_codes(user=self.person, code=code)
        context = {"codes": codes, "go_on": reverse("admin:index"), "title": "Recovery codes"}
        return self.render("console/second_factor/codes.html", context)

    def page(self, form: CodeForm, **further: Any) -> HttpResponse:
        authenticator = Authenticator.objects.get(user=self.person)
        left = second_factor.codes_left(authenticator)
        return super().page(form, authenticator=authenticator, left=left, **further)


def _qr(uri: str) -> SafeString:
    """As SVG within the page: dark on light in any theme, as readers of QR codes expect it."""
    drawn = segno.make(uri, error="m").svg_inline(scale=5, border=3, light="#fff", omitsize=True)
    return mark_safe(drawn)  # noqa: S308 - paths of the library's own, no text of anybody's


ask = AskView.as_view()
set_up = SetUpView.as_view()
change = ChangeView.as_view()
