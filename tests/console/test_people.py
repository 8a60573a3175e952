"""Users and groups in the console: who they are, and what nobody may make of themselves."""

from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from partners.groups import SUPPORT
from partners.models import Role, User
from tests.console.conftest import World
from tests.console.routes import PASSWORD


def fields(**changed: object) -> dict[str, object]:
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    return {"username": "person", "is_active": "on", **dates, **changed}


def change(person: User) -> str:
    return reverse("admin:partners_user_change", args=[person.pk])


def test_a_role_without_a_sub_tenant_is_refused_in_plain_words(world: World, administrator: Client) -> None:
    answer = administrator.post(change(world.person), fields(role=Role.SUPERVISOR))

    assert "A role goes with a sub-tenant" in answer.content.decode()
    assert User.objects.get(pk=world.person.pk).role == ""


def test_a_user_gets_a_sub_tenant_and_a_role_in_it(world: World, administrator: Client) -> None:
    administrator.post(change(world.person), fields(role=Role.SUPERVISOR, sub_tenant=world.sub_tenant.pk))

    person = User.objects.get(pk=world.person.pk)
    assert (person.role, person.sub_tenant) == (Role.SUPERVISOR, world.sub_tenant)


def test_a_new_user_signs_in_with_the_password_given(world: World, administrator: Client) -> None:
    administrator.post(reverse("admin:partners_user_add"), {"username": "new", **PASSWORD})

    assert Client().login(username="new", password=PASSWORD["password1"])


def test_an_administrator_makes_nobody_a_superuser(world: World, administrator: Client) -> None:
    administrator.post(change(world.person), fields(is_superuser="on", is_staff="on"))

    person = User.objects.get(pk=world.person.pk)
    assert (person.is_staff, person.is_superuser) == (True, False)


def test_an_administrator_changes_no_superuser(world: World, administrator: Client) -> None:
    User.objects.filter(pk=world.person.pk).update(is_superuser=True)
    password = reverse("admin:auth_user_password_change", args=[world.person.pk])

    assert administrator.post(change(world.person), fields(username="taken")).status_code == 403
    assert administrator.post(password, PASSWORD).status_code == 403
    assert not User.objects.get(pk=world.person.pk).has_usable_password()


def test_support_sees_no_password_hash(world: World, support: Client) -> None:
    world.person.set_password("a-Long-1-phrase")
    world.person.save()

    text = support.get(change(world.person)).content.decode()

    assert world.person.password not in text
    assert world.person.password.rpartition("$")[2] not in text


def test_migrate_puts_the_groups_back_to_what_the_product_needs(db: None) -> None:
    support = Group.objects.get(name=SUPPORT)
    before = set(support.permissions.all())
    support.permissions.clear()

    call_command("migrate", verbosity=0)

    assert before
    assert set(support.permissions.all()) == before


def test_support_may_change_nothing_but_what_its_buttons_do(db: None) -> None:
    support = Group.objects.get(name=SUPPORT)
    writing = support.permissions.exclude(codename__startswith="view_")

    assert set(writing.values_list("codename", flat=True)) == {
        "add_donotcall",
        "delete_donotcall",
        "add_legalhold",
        "change_batch",
        "change_contact",
        "change_exportjob",
        "change_recording",
        "change_delivery",
        "add_delivery",
    }


def test_the_groups_name_only_models_that_are_there(db: None) -> None:
    viewed = Group.objects.get(name=SUPPORT).permissions.filter(codename__startswith="view_")
    models = {permission.content_type.model_class() for permission in viewed}

    assert models <= set(apps.get_models())
    assert len(models) == 42
