"""A call of a network comes in: what is stored of it, and what the same id answers the next time."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import (
    AuthMethod,
    Call,
    CustomValue,
    DirectAccess,
    IngestBatch,
    IngestItem,
    Recording,
    RecordingAuth,
    Signal,
    Source,
    StoreKind,
)
from partners import keys
from tests.support.network import (
    RECORDING_URL,
    NetworkClient,
    Networked,
    call_body,
    call_of,
    error,
    networked,
    statements,
    with_names,
)
from zipingest.work import WorkState

CONFLICT = (409, "RecordConflict", "external_call_unique_id has already been used")


# --- What is stored ---------------------------------------------------------------------------------------
def test_the_documents_example_becomes_a_call_and_its_recording(
    api: NetworkClient, network: Networked
) -> None:
    answer = api.post_call()
    assert (answer.status_code, set(answer.json())) == (201, {"cuid"})
    call = call_of(answer)
    assert answer.json()["cuid"] == call.uuid.hex
    assert (call.source, call.sub_tenant, call.partner) == (
        Source.NETWORK,
        network.sub_tenant,
        network.partner,
    )
    assert (call.external_id, call.campaign, call.agent) == ("10002", network.campaign, None)
    assert call.started_at == datetime(2022, 3, 25, 9, 31, 29, tzinfo=UTC)
    assert (call.ended_at, call.direction, call.language) == (None, "inbound", "en-US")
    assert (call.customer_phone, call.our_phone) == ("+18779257384", "+19093900003")
    assert (call.customer.external_id, call.customer.partner) == ("+18779257384", None)
    assert call.request_id == answer.headers["X-Request-Id"]
    recording = call.recording
    assert (recording.source_url, recording.state, recording.auth) == (RECORDING_URL, WorkState.DUE, None)
    assert recording.lane == f"network:{network.sub_tenant.pk}"


def test_the_customer_of_an_outbound_call_is_who_was_rung(api: NetworkClient) -> None:
    call = call_of(api.put(call_body(call_direction="outbound")))
    assert (call.direction, call.customer_phone, call.our_phone) == (
        "outbound",
        "+19093900003",
        "+18779257384",
    )
    assert call.customer.external_id == "+19093900003"


def test_times_without_a_zone_are_those_of_the_networks_clock(api: NetworkClient, network: Networked) -> None:
    """Every oddity of the document's own samples."""
    network.network.time_zone = "America/Los_Angeles"
    network.network.save()
    samples: dict[Any, datetime] = {
        "2022-03-25 09:31:29": datetime(2022, 3, 25, 16, 31, 29, tzinfo=UTC),
        "2016-02-03 09:30:00 AM": datetime(2016, 2, 3, 17, 30, tzinfo=UTC),
        "2016/04/11 13:00:00 PM": datetime(2016, 4, 11, 20, tzinfo=UTC),
        "2016-08-08 11:03:31 -0700": datetime(2016, 8, 8, 18, 3, 31, tzinfo=UTC),
        1460404800: datetime(2016, 4, 11, 20, tzinfo=UTC),
        "1460404800000": datetime(2016, 4, 11, 20, tzinfo=UTC),
        20160411130000000: datetime(2016, 4, 11, 13, tzinfo=UTC),
        "2016/04/11T23:00:00.000+03:00": datetime(2016, 4, 11, 20, tzinfo=UTC),
    }
    for start_time, meant in samples.items():
        assert call_of(api.post_call(str(start_time), start_time=start_time)).started_at == meant, start_time


def test_phones_campaigns_and_languages_are_taken_as_the_document_writes_them(
    api: NetworkClient, network: Networked
) -> None:
    network.network.multiple_languages = True
    network.network.save()
    call = call_of(
        api.post_call(
            destination_phone_number="+442071838750",
            calling_phone_number="+34911234567",
            advertiser_campaign_id_from_network="86",
            language_code="es-ES",
        )
    )
    assert (call.our_phone, call.customer_phone) == ("+442071838750", "+34911234567")
    assert (call.campaign, call.language) == (network.campaign, "es-ES")


def test_a_networks_own_country_codes_and_language_hold(db: None) -> None:
    api = NetworkClient(networked(country_codes=["49"], default_language="fr-FR").token)
    numbers = {"destination_phone_number": "+4930123456", "calling_phone_number": "+4930123457"}
    assert call_of(api.post_call("1", **numbers)).language == "fr-FR"
    assert call_of(api.post_call("2", language_code="fr-FR", **numbers)).language == "fr-FR"
    problem = "'call.{}_phone_number' has a country code that is not enabled for this network"
    both = "; ".join(problem.format(which) for which in ("destination", "calling"))
    assert error(api.post_call("3")) == (403, "RecordInvalid", f"Validation failed: {both}")


def test_keys_that_nobody_knows_are_kept_with_the_call(api: NetworkClient, network: Networked) -> None:
    with_names(network, "Sale")
    body = call_body(agent_name="Jo", nothing=None, signals=[{"name": "sale", "note": "x"}])
    call = call_of(api.post({**body, "source": {"crm": ["a"]}}))
    assert call.extras == {
        "source": {"crm": ["a"]},
        "call.agent_name": "Jo",
        "call.nothing": None,
        "signals[0].note": "x",
    }


# --- Signals and custom data ------------------------------------------------------------------------------
def test_signals_and_custom_data_come_with_the_call(api: NetworkClient, network: Networked) -> None:
    truths = [True, 1, "1", "TRUE", "Yes", None, ..., False, 0, "0", "false", "nO"]
    names = [f"Signal {n}" for n in range(len(truths))]
    with_names(network, *names, fields=("score", "Account Type"))
    signals: list[dict[str, Any]] = [
        {"name": name.upper(), "value": v} for name, v in zip(names, truths, strict=True)
    ]
    del signals[6]["value"]
    custom_data = [{"name": "score", "value": 4.5}, {"name": "Account Type", "value": "gold"}]
    call = call_of(api.post_call(signals=signals, custom_data=custom_data))
    stored = Signal.objects.filter(call=call, is_current=True).values_list("name__name", "value")
    assert dict(stored) == dict(zip(names, [True] * 7 + [False] * 5, strict=True))
    values = CustomValue.objects.filter(call=call).values_list("field__name", "value")
    assert dict(values) == {"score": "4.5", "Account Type": "gold"}


# --- Where the recording is -------------------------------------------------------------------------------
def test_an_auth_config_is_kept_with_the_recording(api: NetworkClient, network: Networked) -> None:
    auth = RecordingAuth.objects.create(
        sub_tenant=network.sub_tenant, name="CRM", method=AuthMethod.BEARER, hosts=["recordings.example.com"]
    )
    assert call_of(api.post_call("1", recording_auth_config_id=auth.pk)).recording.auth == auth
    assert call_of(api.post_call("2", recording_auth_config_id=str(auth.pk))).recording.auth == auth
    # Without it the recording is asked for as by anybody: that is another call than the first.
    assert error(api.post_call("1")) == CONFLICT


def test_with_direct_access_a_file_is_named_or_has_the_name_of_the_call(
    api: NetworkClient, network: Networked
) -> None:
    DirectAccess.objects.create(
        sub_tenant=network.sub_tenant, kind=StoreKind.S3, container="calls", base_path="in", account="AKIA"
    )
    named = call_of(api.post_call("1", recording_url=..., recording_filename="2022/a b.wav"))
    assert named.recording.source_url == "s3:2022/a b.wav"
    assert call_of(api.post_call("2.wav", recording_url=...)).recording.source_url == "s3:2.wav"
    assert call_of(api.post_call("3", recording_filename="")).recording.source_url == RECORDING_URL
    unsafe = "is empty, or has a part that is empty, . or .."
    assert error(api.post_call("4", recording_url=..., recording_filename="../x"))[2] == (
        f"Validation failed: 'call.recording_filename' {unsafe}"
    )
    assert error(api.post_call("a//b", recording_url=""))[2] == (
        f"Validation failed: 'call.external_call_unique_id' names the recording, and {unsafe}"
    )
    assert error(api.post_call("5", recording_url=None, recording_auth_config_id=1))[2] == (
        "Validation failed: 'call.recording_auth_config_id' goes with 'call.recording_url' only"
    )


# --- The same id again ------------------------------------------------------------------------------------
def test_an_id_is_taken_once(api: NetworkClient, network: Networked) -> None:
    with_names(network, "Sale", "Lead", fields=("score",))
    first = api.post_call(signals=[{"name": "Sale"}], custom_data=[{"name": "score", "value": "1"}])
    same = {"signals": [{"name": "sALE", "value": "yes"}], "custom_data": [{"name": "score", "value": "1"}]}
    for again in (api.post_call(**same), api.put(call_body(**same))):
        assert (again.status_code, again.json()) == (202, first.json())
    others: list[dict[str, Any]] = [
        {**same, "recording_url": "https://example.com/another.wav"},
        {**same, "start_time": "2022-03-25 09:31:30"},
        {**same, "call_direction": "outbound"},
        {**same, "signals": [{"name": "Sale", "value": False}]},
        {**same, "signals": [{"name": "Lead"}]},
        {**same, "custom_data": [{"name": "score", "value": "2"}]},
        {**same, "agent_name": "Jo"},
    ]
    for other in others:
        assert error(api.post_call(**other)) == CONFLICT, other
    assert (Call.objects.count(), Recording.objects.count(), Signal.objects.count()) == (1, 1, 1)
    assert IngestBatch.objects.count() == IngestItem.objects.count() == 3 + len(others)


def test_another_network_has_ids_of_its_own(api: NetworkClient, network: Networked) -> None:
    other = networked("network2")
    theirs, ours = NetworkClient(other.token).post_call(), api.post_call()
    assert (theirs.status_code, ours.status_code) == (201, 201)
    assert theirs.json() != ours.json()


def test_an_id_is_the_networks_whichever_partner_sends_it(api: NetworkClient, network: Networked) -> None:
    first = api.post_call()
    other = networked("network1")
    assert other.partner != network.partner
    again = NetworkClient(other.token).post_call()
    assert (again.status_code, again.json()) == (202, first.json())


def test_a_failed_call_with_another_recording_is_taken_up_again(api: NetworkClient) -> None:
    first = api.post_call()
    Recording.objects.update(state=WorkState.FAILED)
    assert error(api.post_call(call_direction="outbound")) == CONFLICT
    right = "https://recordings.example.com/right.wav"
    again = api.post_call(recording_url=right)
    assert (again.status_code, again.json()) == (202, first.json())
    recording = call_of(again).recording
    assert (recording.run, recording.state, recording.source_url) == (2, WorkState.DUE, right)
    assert api.post_call(recording_url=right).status_code == 202


def test_a_key_of_the_sandbox_makes_calls_of_the_sandbox(network: Networked) -> None:
    key = keys.issue(partner=network.partner, sub_tenant=network.sub_tenant, sandbox=True)
    assert call_of(NetworkClient(key.single).post_call()).sandbox


# --- What it costs ----------------------------------------------------------------------------------------
def test_the_number_of_queries_does_not_grow_with_what_a_call_carries(
    api: NetworkClient, network: Networked
) -> None:
    with_names(network, *(f"S{n}" for n in range(50)), fields=tuple(f"f{n}" for n in range(50)))
    api.post_call("warm")

    def cost(external_id: str, entries: int, status: int = 201) -> int:
        signals = [{"name": f"S{n}"} for n in range(entries)]
        custom_data = [{"name": f"f{n}", "value": n} for n in range(entries)]
        with CaptureQueriesContext(connection) as queries:
            assert api.post_call(external_id, signals=signals, custom_data=custom_data).status_code == status
        return statements(queries)

    # Key, grant, account, campaign; known call, customer; call, recording, what waits for it; the request's
    # two; the cuid.
    assert cost("none", 0) == 12
    # Their names and their rows.
    assert cost("one", 1) == cost("many", 50) == 12 + 4
    assert cost("none", 0, status=202) == 8
