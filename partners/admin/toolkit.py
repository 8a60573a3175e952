"""django-unfold as the type checker should see it: it is not typed, and is Django's own admin underneath."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from django.contrib import admin
    from django.contrib.auth.admin import UserAdmin
    from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
    from django.core.paginator import Paginator
    from django.forms import CheckboxSelectMultiple, TextInput

    from partners.models import User

    Method = TypeVar("Method", bound=Callable[..., Any])

    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    DjangoUserAdmin = UserAdmin[User]
    InfinitePaginator = Paginator[Any]
    UserCreationForm = AdminUserCreationForm[User]
    ChangeUserForm = UserChangeForm[User]
    UnfoldAdminTextInputWidget = TextInput
    UnfoldAdminCheckboxSelectMultipleWidget = CheckboxSelectMultiple

    def action(
        *, description: str, permissions: Sequence[str], icon: str = ...
    ) -> Callable[[Method], Method]: ...
else:
    from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.decorators import action
    from unfold.forms import AdminPasswordChangeForm, UserCreationForm
    from unfold.forms import UserChangeForm as ChangeUserForm
    from unfold.paginator import InfinitePaginator
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

__all__ = [
    "AdminPasswordChangeForm",
    "ChangeUserForm",
    "DjangoUserAdmin",
    "InfinitePaginator",
    "ModelAdmin",
    "TabularInline",
    "UnfoldAdminCheckboxSelectMultipleWidget",
    "UnfoldAdminTextInputWidget",
    "UserCreationForm",
    "action",
]
