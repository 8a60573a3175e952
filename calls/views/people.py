"""The account's people, as its admins see and change them.

A password is shown in the one answer that made it.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from calls.choices import AgentField, offer
from calls.models import Agent
from calls.services import members
from partners import membership
from partners.membership import LastAdmin, Oneself, WithPassword
from partners.models import AccessToken, Right, Role, SubTenant, User
from partners.page_forms import PageForm
from partners.pages import MemberPage
from partners.provisioning import NameTaken

PER_PAGE = 50
_TOKENS_SHOWN = 50

_LAST_ADMIN = "This is the account's last active administrator: make somebody else one first."
_AGENT_TAKEN = "Somebody else is this agent."


class PersonForm(PageForm):
    """Role, e-mail and agent; of agents those that nobody else is, the first of them in a long list."""

    role = forms.TypedChoiceField(
        choices=[(role.value, role.label.capitalize()) for role in Role],
        coerce=Role,
        initial=Role.AGENT,
        help_text="Administrators manage people and retention. Supervisors see all calls and export them. "
        "Agents see their own calls. Read only listens, and changes nothing.",
    )
    email = forms.EmailField(
        label="E-mail",
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text="Optional. Told of recordings that stay paused and of exports that are ready.",
    )
    agent = AgentField(
        Agent.objects.none(),
        required=False,
        empty_label="Nobody",
        label="Is the agent",
        help_text="Whose calls are the person's own. Only agents that nobody else is are offered.",
        error_messages={"invalid_choice": _AGENT_TAKEN},
    )

    def __init__(self, *args: Any, account: SubTenant, person: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agents = Agent.objects.filter(Q(user__isnull=True) | Q(user=person), sub_tenant=account)
        own: Agent | None = getattr(person, "agent", None)
        offer(self, "agent", agents.order_by("name", "external_id"), first=[own] if own else [])


class NewPersonForm(PersonForm):
    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text="What the person signs in with; it cannot be changed later.",
    )
    field_order = ("username", "role", "email", "agent")


class PeoplePage(MemberPage):
    right = Right.ACCOUNT

    def get(self, request: HttpRequest) -> HttpResponse:
        people = membership.of_account(self.member.sub_tenant).select_related("agent").order_by("username")
        page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
        return self.render("people/people.html", {"title": "People", "page": page})


class NewPersonPage(MemberPage):
    right = Right.ACCOUNT

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(NewPersonForm(account=self.member.sub_tenant))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewPersonForm(request.POST, account=self.member.sub_tenant)
        if form.is_valid():
            try:
                added = members.add(sub_tenant=self.member.sub_tenant, by=_by(self), **form.cleaned_data)
                return _secret_page(self, "Added", added)
            except NameTaken:
                form.add_error("username", "This user name is taken.")
            except members.AgentTaken:
                form.add_error("agent", _AGENT_TAKEN)
        return self._page(form, status=422)

    def _page(self, form: NewPersonForm, status: int = 200) -> HttpResponse:
        return self.render("people/new.html", {"title": "Add a person", "form": form}, status=status)


class _OfPerson(MemberPage):
    """A page of one person of the account; everybody else is a 404."""

    right = Right.ACCOUNT

    def person(self, pk: int) -> User:
        people = membership.of_account(self.member.sub_tenant).select_related("agent", "sub_tenant")
        return get_object_or_404(people, pk=pk)

    def back(self, person: User) -> HttpResponseRedirect:
        return redirect("person", pk=person.pk)


class PersonPage(_OfPerson):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        person = self.person(pk)
        return self._page(person, PersonForm(initial=_known(person), **self._of(person)))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        person = self.person(pk)
        form = PersonForm(request.POST, **self._of(person))
        if form.is_valid():
            try:
                members.change(user=person, by=_by(self), **form.cleaned_data)
            except LastAdmin:
                form.add_error("role", _LAST_ADMIN)
            except members.AgentTaken:
                form.add_error("agent", _AGENT_TAKEN)
            else:
                messages.success(request, "Saved.")
                return self.back(person) if self._may_stay(person) else redirect("home")
        return self._page(person, form, status=422)

    def _may_stay(self, person: User) -> bool:
        """Who has just stepped down may not see this page again."""
        return person.pk != _by(self).pk or self.request.POST["role"] == Role.ADMIN

    def _of(self, person: User) -> dict[str, Any]:
        return {"account": self.member.sub_tenant, "person": person}

    def _page(self, person: User, form: PersonForm, status: int = 200) -> HttpResponse:
        tokens = person.tokens.filter(revoked_at__isnull=True).order_by("-pk")[: _TOKENS_SHOWN + 1]
        found = list(tokens)
        context = {
            "title": person.username,
            "person": person,
            "form": form,
            "tokens": found[:_TOKENS_SHOWN],
            "has_more_tokens": len(found) > _TOKENS_SHOWN,
            "now": timezone.now(),
            "is_self": person.pk == _by(self).pk,
        }
        return self.render("people/person.html", context, status=status)


class PersonActive(_OfPerson):
    """``active``: 1 enables, anything else disables."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        person = self.person(pk)
        try:
            if request.POST.get("active") == "1":
                membership.enable(user=person, by=_by(self))
                messages.success(request, f"{person.username} can sign in again.")
            else:
                membership.disable(user=person, by=_by(self))
                messages.success(request, f"{person.username} is disabled.")
        except Oneself:
            messages.error(request, "You cannot disable yourself.")
        except LastAdmin:
            messages.error(request, _LAST_ADMIN)
        return self.back(person)


class PersonPassword(_OfPerson):
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        renewed = membership.renew_password(user=self.person(pk), by=_by(self))
        return _secret_page(self, "New password", renewed)


class PersonToken(_OfPerson):
    """Revokes a token of the person."""

    def post(self, request: HttpRequest, pk: int, token: int) -> HttpResponse:
        person = self.person(pk)
        row = get_object_or_404(AccessToken.objects.select_related("user"), user=person, pk=token)
        membership.revoke_token(token=row, by=_by(self))
        messages.success(request, f"{str(row).capitalize()} is revoked.")
        return self.back(person)


def _known(person: User) -> dict[str, Any]:
    return {"role": person.role, "email": person.email, "agent": getattr(person, "agent", None)}


def _by(page: MemberPage) -> User:
    """Who acts: pages are for people, not machines."""
    assert page.member.user is not None
    return page.member.user


def _secret_page(page: MemberPage, title: str, made: WithPassword) -> HttpResponse:
    """The only place the password is ever shown: this answer, which no cache may keep."""
    context = {"title": title, "person": made.user, "password": made.password}
    context["is_self"] = made.user.pk == _by(page).pk
    return page.render("people/password.html", context)
