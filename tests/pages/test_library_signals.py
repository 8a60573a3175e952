"""The library by signals and custom data: what the fields mean, where they are, and what a page costs."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls import selectors
from calls.filters import RecordingFilter, unknown_in
from calls.models import Call, CustomField, SignalName
from partners.models import Role, SubTenant
from tests.exports.support import signalled, stored, told
from tests.pages.library import link, many, shown, signed_in, text
from tests.support import factories


@pytest.fixture
def day(account: SubTenant) -> dict[str, Call]:
    """Four calls: one sold, one did not, one did both; what was said of the last is not what stands now."""
    day = {name: stored(account, number) for number, name in enumerate(("sold", "lost", "both", "quiet"))}
    signalled(day["sold"], "Sale")
    signalled(day["lost"], "Sale", False)
    signalled(day["lost"], "Callback")
    signalled(day["both"], "Sale", partner_unique_id="order-1")
    signalled(day["both"], "Sale", False, partner_unique_id="order-2")
    signalled(day["quiet"], "Sale", is_current=False)
    told(day["sold"], "region", "West")
    told(day["lost"], "region", "west")
    told(day["both"], "branch", "West")
    foreign = stored(factories.account("elsewhere"), 1)
    signalled(foreign, "Theirs")
    told(foreign, "theirs", "West")
    return day


def found(day: dict[str, Call], **query: str) -> set[str]:
    """``signal`` and ``custom_field`` by name."""
    if "signal" in query:
        name, end = re.fullmatch(r"(\w+)(-no)?", query["signal"]).groups("")
        query["signal"] = f"{SignalName.objects.get(name=name).pk}{end}"
    if "custom_field" in query:
        query["custom_field"] = str(CustomField.objects.get(name=query["custom_field"]).pk)
    by_uuid = {str(call.uuid): name for name, call in day.items()}
    return {by_uuid[uuid] for uuid in shown(signed_in().get("/library", query))}


@pytest.mark.parametrize("few", [0, selectors._FEW], ids=["walked", "asked apart"])
def test_a_filter_leaves_what_it_names(
    day: dict[str, Call], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "_FEW", few)

    assert found(day, signal="Sale") == {"sold", "both"}
    assert found(day, signal="Sale-no") == {"lost"}
    assert found(day, signal="Callback-no") == set()
    assert found(day, custom_field="region", custom_value="West") == {"sold"}
    assert found(day, custom_field="region") == {"sold", "lost"}
    assert found(day, custom_value=" West ") == {"sold", "both"}
    assert found(day, signal="Sale", custom_field="branch", custom_value="West") == {"both"}
    assert found(day, signal="Sale", custom_value="east") == set()


def test_what_the_account_does_not_have_is_told_at_its_field(day: dict[str, Call]) -> None:
    theirs = SignalName.objects.get(name="Theirs").pk
    client = signed_in()
    for value in (str(theirs), f"{theirs}-no", "7-maybe", "x", "9" * 40, "-no9"):
        page = text(client.get("/library", {"signal": value}))
        assert '<p class="wrong" id="signal-error">There is no such signal.</p>' in page
        assert 'aria-describedby="signal-error"' in page
    page = text(client.get("/library", {"custom_field": CustomField.objects.get(name="theirs").pk}))
    assert '<p class="wrong" id="custom_field-error">There is no such field.</p>' in page
    assert "Theirs" not in page

    account = day["sold"].sub_tenant
    assert unknown_in(RecordingFilter(account, signal_id=theirs, custom_field_id=99)) == {
        "signal_id": [str(theirs)],
        "custom_field_id": ["99"],
    }


def test_the_fields_are_there_where_the_account_has_any(account: SubTenant) -> None:
    client, names = signed_in(), ('name="signal"', 'name="custom_field"', 'name="custom_value"')
    call = stored(account)
    assert not any(name in text(client.get("/library")) for name in names)

    signalled(call, "Sale")
    told(call, "region", "West", label="Sales region")
    page = text(client.get("/library"))

    assert all(name in page for name in names)
    assert re.findall(r'<option value="\d+(?:-no)?">([^<]+)', page) == [
        "Met: Sale",
        "Not met: Sale",
        "Sales region",
    ]
    assert all(name in text(signed_in(Role.AGENT).get("/library")) for name in names)
    refused = {"signal": "1", "custom_field": "1"}
    assert "There is no such signal." in text(
        signed_in(account=factories.account("elsewhere")).get("/library", refused)
    )


def test_what_was_asked_stands_in_the_form_and_in_the_export_of_all(day: dict[str, Call]) -> None:
    sale, region = SignalName.objects.get(name="Sale"), CustomField.objects.get(name="region")
    query = f"signal={sale.pk}-no&custom_field={region.pk}&custom_value=west"

    page = text(signed_in().get(f"/library?{query}"))

    assert f'<option value="{sale.pk}-no" selected>Not met: Sale' in page
    assert f'<option value="{region.pk}" selected>region' in page
    assert 'name="custom_value" value="west"' in page
    assert f'href="/exports?{query.replace("&", "&amp;")}">Export all that match' in page


def test_pages_keep_the_filter_and_cost_the_same_whatever_there_is(account: SubTenant) -> None:
    many(account, 60)
    for call in Call.objects.all():
        signalled(call, "Sale")
        told(call, "region", "West")
    sale = SignalName.objects.get()
    client, asked = signed_in(), []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            first = client.get("/library", {"signal": sale.pk, "custom_value": "West"})
        asked.append(len(captured))
        for number in range(5):
            SignalName.objects.create(sub_tenant=account, name=f"Signal {len(asked)} {number}")
            CustomField.objects.create(sub_tenant=account, name=f"field {len(asked)} {number}")

    # as without a filter (8), the signal that was chosen; which calls have it, the fields, which hold it
    assert asked == [12, 12]
    assert len(shown(first)) == 50
    older = link(first, "next")
    assert f"signal={sale.pk}" in older
    assert "custom_value=West" in older
    assert len(shown(client.get(older))) == 10
