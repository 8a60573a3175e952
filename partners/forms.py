"""Signing in by a page: Django's form, behind the guard that all sign-ins share."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from partners.api import guards
from partners.models import User


class GuardedForm(AuthenticationForm):
    """``held_back``: set where the tries of this minute are used up, to the seconds until the next one."""

    door = ""
    held_back: guards.TooManyTries | None = None

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        username = self.cleaned_data.get("username") or ""
        if not username or not self.cleaned_data.get("password"):
            return self.cleaned_data  # nothing to try: the fields say what is missing
        try:
            guards.spend_try(self.request, username)
        except guards.TooManyTries as held_back:
            self.held_back = held_back
            raise ValidationError(str(held_back), code="too_many_tries") from held_back
        try:
            cleaned = super().clean()
        except ValidationError:
            guards.note_failure(self.request, username, door=self.door)
            raise
        if isinstance(self.user_cache, User):
            guards.note_success(self.request, self.user_cache, door=self.door)
        return cleaned


class SignInForm(GuardedForm):
    """For people of an account; our own staff has the console."""

    door = "page"
    error_messages = {
        "invalid_login": "Invalid username or password.",
        "inactive": "Invalid username or password.",
    }

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        if not isinstance(user, User) or not user.may_sign_in():
            raise self.get_invalid_login_error()
