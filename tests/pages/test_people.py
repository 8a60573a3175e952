"""People: an account's admins add, change, disable and let in again, and never lock the account out."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from calls.models import Agent
from partners import membership, tokens
from partners.membership import LastAdmin
from partners.models import Role, SubTenant, User
from tests.calls.threads import in_a_thread
from tests.support import factories

WRONG = re.compile(r'<p class="wrong" id="id_(\w+)_error">([^<]+)</p>')


@pytest.fixture
def admin(account: SubTenant) -> User:
    return factories.person(Role.ADMIN, username="maria")


@pytest.fixture
def client(admin: User) -> Client:
    return signed_in(admin)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(answer: HttpResponse) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def wrong(answer: HttpResponse) -> dict[str, str]:
    """What is said at which field."""
    assert answer.status_code == 422
    return dict(WRONG.findall(answer.content.decode()))


def agent_of(account: SubTenant, number: str = "101", user: User | None = None) -> Agent:
    return Agent.objects.create(sub_tenant=account, external_id=number, name=f"Agent {number}", user=user)


def secret_in(answer: HttpResponse) -> str:
    found = re.search(r'<code class="secret">([^<]+)</code>', answer.content.decode())
    assert found
    return found[1]


def history(user: User) -> list[tuple[str, str]]:
    entries = LogEntry.objects.filter(object_id=str(user.pk)).order_by("pk")
    return [(entry.user.username, entry.change_message) for entry in entries]


# --- Adding -----------------------------------------------------------------------------------------------
def test_a_person_is_added_and_signs_in_with_the_password_shown(
    account: SubTenant, client: Client, admin: User
) -> None:
    agent = agent_of(account)
    fields = {"username": "ada", "email": "ada@example.com", "role": "agent", "agent": agent.pk}

    password = secret_in(client.post("/people/new", fields))

    ada = User.objects.get(username="ada")
    assert (ada.sub_tenant, ada.role, ada.email, ada.agent) == (account, "agent", "ada@example.com", agent)
    assert Client().login(username="ada", password=password)
    assert history(ada)[0] == ("maria", "Added as agent.")


def test_the_password_is_in_that_one_answer_only(client: Client) -> None:
    answer = client.post("/people/new", {"username": "ada", "role": "agent"})
    password = secret_in(answer)

    assert "no-store" in answer["Cache-Control"]
    kept = [session.get_decoded() for session in Session.objects.all()]
    assert password not in f"{kept}{client.cookies}{LogEntry.objects.values()}{User.objects.values()}"
    assert password not in text(client.get("/people"))


def test_a_name_that_another_account_has_is_taken_and_not_said_by_whom(client: Client) -> None:
    factories.person(Role.AGENT, factories.account("elsewhere"), username="taken")

    answer = client.post("/people/new", {"username": "taken", "role": "agent"})

    assert wrong(answer) == {"username": "This user name is taken."}
    assert "elsewhere" not in text(answer)


@pytest.mark.parametrize(
    ("field", "value"), [("username", ""), ("username", "a b"), ("role", "owner"), ("email", "x@")]
)
def test_a_mistake_is_named_at_its_field_which_has_the_focus(field: str, value: str, client: Client) -> None:
    answer = client.post("/people/new", {"username": "new", "role": "agent", field: value})

    assert list(wrong(answer)) == [field]
    control = re.search(rf'<(?:input|select)[^>]* id="id_{field}"[^>]*>', answer.content.decode())
    assert control
    assert "autofocus" in control[0]
    assert f"id_{field}_error" in control[0]
    assert 'aria-invalid="true"' in control[0]


def test_an_agent_of_another_account_or_of_somebody_else_is_refused(
    account: SubTenant, client: Client
) -> None:
    foreign = agent_of(factories.account("elsewhere"))
    taken = agent_of(account, user=factories.person(Role.AGENT))
    for agent in (foreign, taken):
        fields = {"username": "new", "role": "agent", "agent": agent.pk}
        assert list(wrong(client.post("/people/new", fields))) == ["agent"]


# --- Changing ---------------------------------------------------------------------------------------------
def test_role_e_mail_and_agent_change_and_support_sees_who_did_it(account: SubTenant, client: Client) -> None:
    before, after = agent_of(account, "101"), agent_of(account, "102")
    ada = factories.person(Role.AGENT, username="ada")
    Agent.objects.filter(pk=before.pk).update(user=ada)

    fields = {"role": "supervisor", "email": "ada@example.com", "agent": after.pk}
    assert client.post(f"/people/{ada.pk}", fields).status_code == 302

    ada = User.objects.get(pk=ada.pk)
    assert (ada.role, ada.email, ada.agent) == ("supervisor", "ada@example.com", after)
    assert history(ada) == [
        ("maria", "Role changed from agent to supervisor. E-mail changed."),
        ("maria", "Is agent Agent 102 now, was Agent 101."),
    ]


def test_saving_what_is_so_already_leaves_no_trace(account: SubTenant, client: Client) -> None:
    ada = factories.person(Role.AGENT)
    agent = agent_of(account, user=ada)
    client.post(f"/people/{ada.pk}", {"role": "agent", "agent": agent.pk})
    assert history(ada) == []


def test_the_only_admin_is_not_demoted(client: Client, admin: User) -> None:
    factories.person(Role.ADMIN, factories.account("elsewhere"))
    factories.person(Role.ADMIN, is_active=False)

    assert list(wrong(client.post(f"/people/{admin.pk}", {"role": "agent"}))) == ["role"]

    assert User.objects.get(pk=admin.pk).role == Role.ADMIN


def test_one_of_two_admins_may_step_down_and_goes_where_they_still_may(client: Client, admin: User) -> None:
    factories.person(Role.ADMIN)
    answer = client.post(f"/people/{admin.pk}", {"role": "agent"}, follow=True)
    assert answer.status_code == 200
    assert User.objects.get(pk=admin.pk).role == Role.AGENT


def test_an_admin_who_cannot_sign_in_does_not_count(admin: User) -> None:
    other = factories.person(Role.ADMIN)
    other.set_unusable_password()
    other.save()
    with pytest.raises(LastAdmin):
        membership.change(user=admin, email="", role=Role.AGENT, by=admin)


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_at_once_leave_one(transactional_db: None) -> None:
    two = [factories.person(Role.ADMIN) for _ in range(2)]

    def demote(number: int) -> bool:
        try:
            membership.change(user=two[number], email="", role=Role.AGENT, by=two[1 - number])
        except LastAdmin:
            return False
        return True

    started = [in_a_thread(lambda: demote(0)), in_a_thread(lambda: demote(1))]
    for thread, _ in started:
        thread.join()
    assert sorted(result for _, results in started for result in results) == [False, True]
    assert User.objects.filter(role=Role.ADMIN).count() == 1


# --- Access -----------------------------------------------------------------------------------------------
def test_a_disabled_person_is_out_at_once_and_back_once_enabled(client: Client) -> None:
    ada = factories.person(Role.SUPERVISOR)
    theirs = signed_in(ada)
    token = factories.bearer(tokens.issue_to_person(user=ada))
    me = "/api/auth/me"

    client.post(f"/people/{ada.pk}/active", {"active": "0"})
    assert theirs.get("/library").status_code == 302
    assert Client().get(me, headers=token).status_code == 401

    client.post(f"/people/{ada.pk}/active", {"active": "1"})
    assert Client().get(me, headers=token).status_code == 200
    assert [what for _, what in history(ada)] == ["Disabled.", "Enabled."]


def test_nobody_disables_themselves(client: Client, admin: User) -> None:
    factories.person(Role.ADMIN)
    answer = client.post(f"/people/{admin.pk}/active", {"active": "0"}, follow=True)
    assert "You cannot disable yourself." in text(answer)
    assert User.objects.get(pk=admin.pk).is_active


def test_the_last_admin_is_not_disabled(admin: User) -> None:
    with pytest.raises(LastAdmin):
        membership.disable(user=admin, by=factories.person(Role.SUPERVISOR))


def test_a_new_password_ends_what_the_old_one_began(client: Client) -> None:
    ada = factories.person(Role.SUPERVISOR)
    theirs, issued = signed_in(ada), tokens.issue_to_person(user=ada)

    password = secret_in(client.post(f"/people/{ada.pk}/password"))

    assert theirs.get("/library").status_code == 302
    issued.token.refresh_from_db()
    assert issued.token.revoked_at is not None
    assert Client().login(username=ada.username, password=password)
    assert not Client().login(username=ada.username, password=factories.PASSWORD)


def test_a_token_is_shown_without_its_secret_and_revoked(client: Client) -> None:
    ada = factories.person(Role.AGENT)
    issued = tokens.issue_to_person(user=ada, name="laptop")
    page = client.get(f"/people/{ada.pk}")
    assert "laptop" in text(page)
    assert issued.secret not in text(page)

    client.post(f"/people/{ada.pk}/tokens/{issued.token.pk}")

    issued.token.refresh_from_db()
    assert issued.token.revoked_at is not None
    assert history(ada) == [("maria", f"Token {issued.token.pk} revoked.")]


def test_a_token_of_somebody_else_is_not_found_under_a_person(client: Client) -> None:
    ada, other = factories.person(Role.AGENT), factories.person(Role.AGENT, factories.account("elsewhere"))
    token = tokens.issue_to_person(user=other).token
    assert client.post(f"/people/{ada.pk}/tokens/{token.pk}").status_code == 404
    assert client.post(f"/people/{ada.pk}/tokens/{2**70}").status_code == 404


@pytest.mark.parametrize("ours", [{"is_staff": True}, {"is_superuser": True}], ids=str)
def test_staff_of_ours_with_an_account_is_out_of_its_admins_reach(
    ours: dict[str, Any], client: Client
) -> None:
    staff = factories.person(Role.SUPERVISOR, username="support", **ours)
    assert "support" not in text(client.get("/people"))
    for path in ("", "/active", "/password"):
        assert client.post(f"/people/{staff.pk}{path}", {"role": "agent"}).status_code == 404


# --- The list ---------------------------------------------------------------------------------------------
def test_it_lists_the_people_of_the_account_only(account: SubTenant, client: Client) -> None:
    ada = factories.person(Role.AGENT, username="ada", email="ada@example.com")
    agent_of(account, user=ada)
    factories.person(Role.AGENT, factories.account("elsewhere"), username="stranger")

    page = text(client.get("/people"))

    for word in ("ada@example.com", "Agent 101", "maria", "Never"):
        assert word in page
    assert "stranger" not in page


def test_the_list_takes_as_many_queries_for_many_people_as_for_one(
    account: SubTenant, client: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/people").status_code == 200
        return len(seen)

    before = queries()
    users = [User(username=f"p{n}", sub_tenant=account, role=Role.AGENT) for n in range(70)]
    for number, user in enumerate(User.objects.bulk_create(users)):
        agent_of(account, str(number), user)
    assert queries() == before <= 5
    assert "p69" in text(client.get("/people?page=2"))
