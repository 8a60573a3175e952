"""django-unfold as the type checker should see it: it is not typed, and is Django's own admin underneath."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from django import forms
    from django.contrib import admin
    from django.contrib.admin.forms import AdminAuthenticationForm as ConsoleAuthenticationForm
    from django.contrib.auth.admin import UserAdmin
    from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
    from django.core.paginator import Paginator
    from django.forms import (
        CheckboxInput,
        CheckboxSelectMultiple,
        PasswordInput,
        Select,
        Textarea,
        TextInput,
    )

    from partners.models import User

    Method = TypeVar("Method", bound=Callable[..., Any])

    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
    TabularInline = admin.TabularInline[Any, Any]
    DjangoUserAdmin = UserAdmin[User]
    InfinitePaginator = Paginator[Any]
    UserCreationForm = AdminUserCreationForm[User]
    ChangeUserForm = UserChangeForm[User]
    UnfoldAdminPasswordWidget = PasswordInput
    UnfoldAdminTextInputWidget = TextInput
    UnfoldAdminTextareaWidget = Textarea
    UnfoldAdminSelectWidget = Select
    UnfoldBooleanWidget = CheckboxInput
    UnfoldAdminCheckboxSelectMultipleWidget = CheckboxSelectMultiple

    def action(
        *, description: str, permissions: Sequence[str], icon: str = ...
    ) -> Callable[[Method], Method]: ...
else:
    from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
    from django.forms import ModelForm
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.decorators import action
    from unfold.forms import AdminPasswordChangeForm, UserCreationForm
    from unfold.forms import AuthenticationForm as ConsoleAuthenticationForm
    from unfold.forms import UserChangeForm as ChangeUserForm
    from unfold.paginator import InfinitePaginator
    from unfold.widgets import (
        UnfoldAdminCheckboxSelectMultipleWidget,
        UnfoldAdminPasswordWidget,
        UnfoldAdminSelectWidget,
        UnfoldAdminTextareaWidget,
        UnfoldAdminTextInputWidget,
        UnfoldBooleanWidget,
    )

__all__ = [
    "AdminPasswordChangeForm",
    "ChangeUserForm",
    "ConsoleAuthenticationForm",
    "DjangoUserAdmin",
    "InfinitePaginator",
    "ModelAdmin",
    "ModelForm",
    "TabularInline",
    "UnfoldAdminCheckboxSelectMultipleWidget",
    "UnfoldAdminPasswordWidget",
    "UnfoldAdminSelectWidget",
    "UnfoldAdminTextInputWidget",
    "UnfoldAdminTextareaWidget",
    "UnfoldBooleanWidget",
    "UserCreationForm",
    "action",
]
