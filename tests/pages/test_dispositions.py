"""Disposition codes: leaders add, edit, deactivate and delete those of their account."""

import re

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from calls.models import Customer, DispositionCode
from partners.models import Role, SubTenant
from tests.support import factories

WRONG = re.compile(r'<p class="wrong" id="id_(\w+)_error">')


@pytest.fixture
def client(account: SubTenant) -> Client:
    client = Client()
    client.force_login(factories.person(Role.SUPERVISOR))
    return client


@pytest.fixture
def sale(account: SubTenant) -> DispositionCode:
    return DispositionCode.objects.create(sub_tenant=account, code="SALE", label="Sale", category="success")


def wrong(answer: HttpResponse) -> list[str]:
    assert answer.status_code == 422
    return WRONG.findall(answer.content.decode())


def test_a_code_is_added_and_listed(client: Client, account: SubTenant) -> None:
    fields = {"code": "NO_ANSWER-2", "label": "Nobody there", "category": "failed"}
    page = client.post("/dispositions", fields, follow=True).content.decode()

    code = DispositionCode.objects.get()
    assert (code.sub_tenant, code.code, code.category, code.is_active) == (
        account,
        "NO_ANSWER-2",
        "failed",
        True,
    )
    assert "Nobody there" in page


@pytest.mark.parametrize("code", ["", "sale", "A B", "Ä", "A" * 33])
def test_what_is_no_code_is_refused_at_its_field(code: str, client: Client) -> None:
    assert wrong(client.post("/dispositions", {"code": code, "category": "success"})) == ["code"]


def test_a_code_is_unique_in_its_account_alone(client: Client, sale: DispositionCode) -> None:
    DispositionCode.objects.create(sub_tenant=factories.account("elsewhere"), code="OTHER")
    assert wrong(client.post("/dispositions", {"code": "SALE", "category": "failed"})) == ["code"]
    assert client.post("/dispositions", {"code": "OTHER", "category": "failed"}).status_code == 302


def test_label_and_category_change_and_the_code_does_not(client: Client, sale: DispositionCode) -> None:
    client.post(f"/dispositions/{sale.pk}", {"code": "X", "label": "Sold", "category": "dnc"})
    sale.refresh_from_db()
    assert (sale.code, sale.label, sale.category) == ("SALE", "Sold", "dnc")


def test_a_code_is_deactivated_and_activated(client: Client, sale: DispositionCode) -> None:
    for value in ("0", "1"):
        client.post(f"/dispositions/{sale.pk}/active", {"active": value})
        sale.refresh_from_db()
        assert sale.is_active == (value == "1")


def test_an_unused_code_is_deleted(client: Client, sale: DispositionCode) -> None:
    client.post(f"/dispositions/{sale.pk}/remove")
    assert not DispositionCode.objects.exists()


def test_a_used_code_stays_and_says_what_to_do(client: Client, sale: DispositionCode) -> None:
    Customer.objects.create(sub_tenant=sale.sub_tenant, external_id="c", disposition="SALE")
    page = client.post(f"/dispositions/{sale.pk}/remove", follow=True).content.decode()
    assert "deactivated, not deleted" in page
    assert DispositionCode.objects.exists()


def test_many_codes_take_as_many_queries_as_one_and_come_in_pages(
    client: Client, sale: DispositionCode
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get("/dispositions")
        return len(seen)

    before = queries()
    DispositionCode.objects.bulk_create(
        DispositionCode(sub_tenant=sale.sub_tenant, code=f"C{number:03}") for number in range(60)
    )
    assert queries() == before <= 5
    assert "SALE" in client.get("/dispositions?page=2").content.decode()
