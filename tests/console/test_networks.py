"""Networks in the console: their switches, and their calls on the page of a call."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calls.models import Call, Network, Recording, Signal, Source
from tests.console.conftest import World
from tests.console.routes import NETWORK
from tests.support import factories

LIST = reverse("admin:calls_call_changelist")


def errors(answer) -> dict[str, list[str]]:
    return {name: list(found) for name, found in answer.context["adminform"].form.errors.items()}


def page(client: Client, call: Call) -> str:
    return client.get(reverse("admin:calls_call_change", args=[call.pk])).content.decode()


# --- Networks ---------------------------------------------------------------------------------------------
def test_a_network_is_set_up_here(world: World, administrator: Client) -> None:
    account = factories.account("elsewhere")
    given = {
        **NETWORK,
        "sub_tenant": account.pk,
        "ingestion_enabled": "on",
        "time_zone": "America/Los_Angeles",
        "country_codes": "+1, 44 34,1",
        "notify": "ops@example.com",
    }
    administrator.post(reverse("admin:calls_network_add"), given)

    network = Network.objects.get(sub_tenant=account)
    assert (network.ingestion_enabled, network.multiple_languages, network.swap_outbound) == (
        True,
        False,
        False,
    )
    assert (network.zone.key, network.languages) == ("America/Los_Angeles", ["en-GB"])
    assert (network.country_codes, network.notify) == (["1", "44", "34"], "ops@example.com")


def test_what_a_network_cannot_be_is_said_in_plain_words(world: World, administrator: Client) -> None:
    wrong = {
        "sub_tenant": world.sub_tenant.pk,
        "time_zone": "Pacific",
        "default_language": "de-DE",
        "country_codes": "1, 0044",
        "notify": "nobody",
    }

    said = errors(administrator.post(reverse("admin:calls_network_add"), wrong))

    assert said["sub_tenant"] == ["This sub-tenant is a network already."]
    assert said["time_zone"] == ["This is not the name of a time zone, like America/Los_Angeles."]
    assert said["country_codes"] == [
        "0044: a country code has one to three digits and no leading zero, like 44."
    ]
    assert said.keys() == {*wrong}


def test_a_network_stays_the_sub_tenants(world: World, administrator: Client) -> None:
    network = Network.objects.get()
    given = {**NETWORK, "sub_tenant": factories.account("elsewhere").pk}
    administrator.post(reverse("admin:calls_network_change", args=[network.pk]), given)

    network.refresh_from_db()
    assert (network.sub_tenant, network.country_codes) == (world.sub_tenant, ["1", "49"])


def test_its_page_leads_to_what_belongs_to_it(world: World, support: Client) -> None:
    text = support.get(reverse("admin:calls_network_change", args=[Network.objects.get().pk]))

    for model in ("campaign", "signalname", "customfield", "recordingauth", "directaccess"):
        url = reverse(f"admin:calls_{model}_changelist", query={"account": world.sub_tenant.pk})
        assert f'href="{url}"' in text.content.decode()
        assert support.get(url).status_code == 200


# --- Their calls ------------------------------------------------------------------------------------------
@pytest.fixture
def call(world: World) -> Call:
    """Of the network: outbound, its presigned URL too short, with a corrected signal and custom data."""
    Call.objects.filter(pk=world.stored.pk).update(
        source=Source.NETWORK, direction="outbound", language="fr-FR", our_phone="+18005550100"
    )
    now = timezone.now()
    Recording.objects.filter(call=world.stored).update(
        source_url="https://bucket.example.com/a.wav?X-Amz-Signature=0",
        begun_at=now,
        url_expires_at=now + timedelta(hours=3),
    )
    old = Signal.objects.get(call=world.stored)
    Signal.objects.filter(pk=old.pk).update(is_current=False)
    Signal.objects.create(
        corrects=old,
        call=old.call,
        name=old.name,
        value=False,
        revenue="20.50",
        partner_unique_id="order-7",
        occurred_at=now,
        created_at=now,
    )
    world.stored.refresh_from_db()
    return world.stored


def test_a_calls_page_says_what_its_network_told_of_it(call: Call, support: Client) -> None:
    answer = support.get(reverse("admin:calls_call_change", args=[call.pk]))
    text = answer.content.decode()
    signals, values = (list(one.formset.queryset) for one in answer.context["inline_admin_formsets"])

    assert signals == list(Signal.objects.filter(is_current=True))
    assert values == list(call.custom_values.all())
    for shown in ("outbound", "fr-FR", "+18005550100", "20.50", "order-7", "gold"):
        assert shown in text
    assert "only 3.0 hours when it was sent" in text
    versions = reverse("admin:calls_signal_changelist", query={"q": call.uuid})
    assert f'<a href="{versions}" class="text-link">all versions</a>' in text
    assert len(support.get(versions).context["cl"].result_list) == 2


def test_a_file_of_a_store_is_named_in_words(call: Call, support: Client) -> None:
    stores = {"s3": "S3 bucket", "azure": "Azure container", "sftp": "SFTP server"}
    for kind, words in stores.items():
        Recording.objects.filter(call=call).update(source_url=f"{kind}:2026/<b>.wav", url_expires_at=None)
        text = page(support, call)
        assert f'<span class="zi-break">2026/&lt;b&gt;.wav</span> in the account\'s {words}' in text
        assert "when it was sent" not in text


def test_the_page_of_a_partners_call_has_no_empty_tables_of_signals(world: World, support: Client) -> None:
    assert "custom data" not in page(support, world.failed)
    assert "signals, as they are now" not in page(support, world.failed)


def test_more_signals_take_no_more_queries(call: Call, support: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(support, call)
        return len(captured)

    page(support, call)
    few = queries()
    signal = Signal.objects.filter(call=call, is_current=True).get()
    for number in range(5):
        signal.pk, signal.corrects = None, None
        signal.transaction_id, signal.partner_unique_id = world_uuid(number), f"order-{number + 10}"
        signal.save(force_insert=True)

    assert queries() == few


def world_uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


@pytest.mark.parametrize("term", ["cuid", "external id"])
def test_a_networks_call_is_found_and_answered_for(term: str, call: Call, support: Client) -> None:
    q = {"cuid": call.uuid.hex, "external id": str(call.external_id)}[term]

    assert [str(one) for one in support.get(LIST, {"q": q}).context["cl"].result_list] == [str(call)]
    answer = support.get(reverse("admin:calls_call_why"), {"q": q})
    assert [one.call for one in answer.context["answers"]] == [call]
