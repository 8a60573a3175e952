from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse

from partners import second_factor
from partners.admin.base import ConsoleAdmin, Refused
from partners.admin.pages import Question
from partners.admin.toolkit import (
    AdminPasswordChangeForm,
    ChangeUserForm,
    ConsoleAuthenticationForm,
    DjangoUserAdmin,
    ModelAdmin,
    UserCreationForm,
    action,
)
from partners.forms import GuardedForm
from partners.models import User

_RESET = Question(
    title="Reset second factor",
    text="Their authenticator app and recovery codes count for nothing from now on, and at the next sign-in "
    "they set up an app again. Make sure that it is they who ask. Whoever knows the password could be first: "
    "where that is in doubt, change the password too.",
    button="Reset",
    done="The second factor is reset.",
    dangerous=True,
)

_ACCOUNT: Any = ("Account", {"fields": ("sub_tenant", "role")})


def _check_account(form: forms.BaseForm) -> None:
    """In plain words what the table's constraint demands."""
    if bool(form.cleaned_data.get("sub_tenant")) != bool(form.cleaned_data.get("role")):
        form.add_error("role", "A role goes with a sub-tenant: set both, or neither for our own staff.")


class ConsoleSignInForm(GuardedForm, ConsoleAuthenticationForm):
    """The console's own form, behind the guard of all sign-ins."""

    door = "console"


admin.site.login_form = ConsoleSignInForm


class UserForm(ChangeUserForm):
    def clean(self) -> Any:
        cleaned = super().clean()
        _check_account(self)
        return cleaned


class NewUserForm(UserCreationForm):
    def clean(self) -> Any:
        cleaned = super().clean()
        _check_account(self)
        return cleaned


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ConsoleAdmin):
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "role", "sub_tenant", "is_staff", "is_active", "last_login")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = ("role", "is_staff", "is_active", "groups")
    search_fields = ("username", "email")
    search_help_text = "User name or email"
    raw_id_fields = ("sub_tenant",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        _ACCOUNT,
        ("Our own staff", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        _ACCOUNT,
    )
    actions_detail = ("reset_second_factor",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may edit users must not take over a superuser's account.
        beyond = isinstance(obj, User) and obj.is_superuser and not request.user.is_superuser
        return not beyond and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = tuple(super().get_readonly_fields(request, obj))
        return fixed if request.user.is_superuser else (*fixed, "is_superuser")

    def fits(self, title: str, row: Any) -> bool:
        return second_factor.is_set_up(row)

    def has_reset_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Of others; the row itself is judged once more, as an id can be written in several ways."""
        return request.user.is_superuser and str(request.user.pk) != object_id

    @action(description="Reset second factor", icon="phonelink_erase", permissions=["reset"])
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def reset(person: User, _: dict[str, Any]) -> None:
            assert isinstance(request.user, User), "the console is for those who are signed in"
            if person == request.user:
                raise Refused("One's own is changed with a code of it, under Second factor.")
            if not second_factor.remove(user=person, by=request.user):
                raise Refused("There is no second factor to reset.")

        return self.ask(request, object_id, _RESET, reset)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    list_display = ("name",)
    search_help_text = "Name"
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "permissions"),
                "description": "Every migrate puts the permissions of “administrators” and “support” back to "
                "what the product needs; for other rights make another group.",
            },
        ),
    )
