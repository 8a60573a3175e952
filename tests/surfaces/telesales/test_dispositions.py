"""Disposition codes of an account, and what calls came to."""

from typing import Any

import pytest

from calls.models import Call, Customer, DispositionChange, DispositionCode, DoNotCall
from calls.services.erasure import must_not_be_called
from partners.models import Role
from tests.support import factories, live
from tests.support.live import CALLS, CODES, PHONE, Member

pytestmark = pytest.mark.django_db

SALE = {"code": "SALE-OK", "label": "Sold", "category": "success", "is_active": True}


def made(code: str = "SALE-OK", **fields: Any) -> DispositionCode:
    return DispositionCode.objects.create(sub_tenant=factories.account(), code=code, **fields)


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 422, answer.content
    return answer.json()["errors"]


# --- Codes ------------------------------------------------------------------------------------------------
def test_a_code_is_made_and_listed(supervisor: Member) -> None:
    answer = supervisor.post(CODES, SALE)

    (code,) = DispositionCode.objects.all()
    assert (answer.status_code, answer.json()) == (201, {"data": {"id": code.pk, **SALE}})
    assert live.member(Role.AGENT).get(CODES).json()["data"] == [{"id": code.pk, **SALE}]


def test_codes_of_partners_stand_in_the_list_as_they_came(supervisor: Member) -> None:
    factories.ingest(factories.provisioned())

    (row,) = supervisor.get(CODES).json()["data"]
    assert (row["code"], row["category"], row["is_active"]) == ("interested", None, True)


def test_a_code_is_unique_in_the_account(supervisor: Member) -> None:
    supervisor.post(CODES, SALE)

    assert errors(supervisor.post(CODES, SALE)) == {"code": ["The code has already been taken."]}
    elsewhere = live.member(sub_tenant=factories.account("elsewhere"))
    assert elsewhere.post(CODES, SALE).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"code": "sale"}, "code"),
        ({"code": ""}, "code"),
        ({"code": "A" * 33}, "code"),
        ({"code": "A\n"}, "code"),
        ({"category": "other"}, "category"),
        ({"category": None}, "category"),
        ({"label": "a" * 256}, "label"),
        ({"is_active": "yes"}, "is_active"),
    ],
)
def test_what_is_wrong_with_a_code_is_named(supervisor: Member, wrong: dict[str, Any], field: str) -> None:
    assert list(errors(supervisor.post(CODES, {**SALE, **wrong}))) == [field]
    assert not DispositionCode.objects.exists()


def test_what_is_given_of_a_code_changes_and_the_rest_stays(supervisor: Member) -> None:
    code = made("interested", label="Interested")

    answer = supervisor.send("PUT", f"{CODES}/{code.pk}", {"category": "callback", "code": "interested"})

    changed = {"id": code.pk, "code": "interested", "label": "Interested", "category": "callback"}
    assert answer.json() == {"data": {**changed, "is_active": True}}
    assert list(errors(supervisor.send("PUT", f"{CODES}/{code.pk}", {"code": "OTHER"}))) == ["code"]


def test_a_code_that_nothing_uses_is_removed(supervisor: Member) -> None:
    assert supervisor.send("DELETE", f"{CODES}/{made().pk}").status_code == 204
    assert not DispositionCode.objects.exists()


@pytest.mark.parametrize("model", [Call, Customer])
def test_a_code_in_use_stays(supervisor: Member, model: Any) -> None:
    code = made()
    live.begin()
    model.objects.update(disposition="SALE-OK")

    answer = supervisor.send("DELETE", f"{CODES}/{code.pk}")

    assert (answer.status_code, answer.json()["error_code"]) == (409, "DISPOSITION_IN_USE")
    assert DispositionCode.objects.exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("id_", ["0", "99999999999999999999"])
def test_no_such_code_is_404(supervisor: Member, method: str, id_: str) -> None:
    assert supervisor.send(method, f"{CODES}/{id_}", {}).status_code == 404


# --- What a call came to ----------------------------------------------------------------------------------
def dispose(who: Member, call: Call, **body: Any) -> Any:
    return who.post(f"{CALLS}/{call.uuid}/disposition", body)


def test_a_call_and_its_customer_have_the_code(supervisor: Member) -> None:
    made()
    call = live.begin()

    answer = dispose(supervisor, call, code="SALE-OK", note="two chairs")

    assert (answer.status_code, answer.json()["data"]["disposition_code"]) == (200, "SALE-OK")
    assert Customer.objects.get().disposition == Call.objects.get().disposition == "SALE-OK"
    change = DispositionChange.objects.get()
    assert (change.old, change.new, change.note, change.call) == ("", "SALE-OK", "two chairs", call)
    assert not DoNotCall.objects.exists()


def test_the_same_again_is_history_only_with_a_note(supervisor: Member) -> None:
    made()
    call = live.begin()
    for note in ("", "", "called again"):
        dispose(supervisor, call, code="SALE-OK", note=note)
    notes = DispositionChange.objects.order_by("pk").values_list("note", flat=True)
    assert list(notes) == ["", "called again"]


def test_a_code_must_be_one_of_the_accounts_and_active(supervisor: Member) -> None:
    made("OLD", is_active=False)
    DispositionCode.objects.create(sub_tenant=factories.account("elsewhere"), code="THEIRS")
    call = live.begin()

    assert errors(dispose(supervisor, call, code="THEIRS")) == {"code": ["Unknown disposition code: THEIRS."]}
    assert errors(dispose(supervisor, call, code="OLD")) == {
        "code": ["The disposition code OLD is not active."]
    }
    assert list(errors(dispose(supervisor, call, code="OLD", note="a" * 1001))) == ["note"]
    assert Call.objects.get().disposition == ""


# --- Do not call ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "category"), [("STOP", "dnc"), ("DO_NOT_CALL", "failed"), ("Do_Not_Call", "")]
)
def test_a_refusal_keeps_the_number_from_being_dialled(supervisor: Member, code: str, category: str) -> None:
    made(code, category=category)
    call = live.begin()

    for _ in range(2):
        assert dispose(supervisor, call, code=code).status_code == 200

    assert must_not_be_called(call.sub_tenant, PHONE)
    assert not must_not_be_called(factories.account("elsewhere"), PHONE)
    assert DoNotCall.objects.count() == 1


@pytest.mark.parametrize(
    ("code", "category", "marked"),
    [("stop", "dnc", True), ("do_not_call", "", True), ("DO_NOT_CALL", "", True), ("later", "", False)],
)
def test_a_partners_refusal_does_too(code: str, category: str, *, marked: bool) -> None:
    made(code, category=category)
    provisioned = factories.provisioned()

    factories.ingest(
        provisioned,
        factories.item(call={"contact_number": PHONE}, customer={"disposition_status": code}),
        factories.item("other", call={"contact_number": "+4930111"}, customer={"id": "other"}),
    )

    assert must_not_be_called(provisioned.sub_tenant, PHONE) is marked
    assert not must_not_be_called(provisioned.sub_tenant, "+4930111")
