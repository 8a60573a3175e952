"""What is wrong with a body is told all at once, in the order of the document, naming each field."""

from typing import Any

import pytest

from calls.models import AuthMethod, Call, RecordingAuth
from tests.support.network import NetworkClient, Networked, call_body, error, networked, with_names

E164 = "must be a phone number in E.164 format, like +18885551212"
LONG = "x" * 256
MOUNTAIN = chr(0xD83D)  # half of a pair


def problems(api: NetworkClient, body: Any) -> list[str]:
    status, class_, text = error(api.post(body))
    assert (status, class_) == (403, "RecordInvalid")
    assert text.startswith("Validation failed: ")
    return text.removeprefix("Validation failed: ").split("; ")


@pytest.mark.parametrize("body", [{}, {"call": None}, {"call": ""}, b"", {"oauth_token": "x"}])
def test_a_missing_call_is_said_in_the_words_of_the_document(api: NetworkClient, body: Any) -> None:
    assert api.post(body).json() == {
        "errors": {"class": "RecordInvalid", "invalid_data": "Validation failed: 'call' is required"}
    }


def test_every_required_field_is_named_in_the_order_of_the_document(api: NetworkClient) -> None:
    names = list(call_body()["call"])
    required = [f"'call.{name}' is required" for name in names]
    assert problems(api, {"call": {}}) == required
    assert problems(api, {"call": dict.fromkeys(names)}) == required
    assert problems(api, {"call": dict.fromkeys(names, "")}) == required
    for name in names:
        assert problems(api, call_body(**{name: ...})) == [f"'call.{name}' is required"]


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an id that is a number": ({"external_call_unique_id": 10002}, ["must be a string"]),
    "an id that is long": ({"external_call_unique_id": LONG}, ["must be at most 255 characters long"]),
    "a time that is false": ({"start_time": False}, ["must be a text or a whole number"]),
    "a time with a fraction": ({"start_time": 1460404800.5}, ["must be a text or a whole number"]),
    "a time of no format": ({"start_time": "yesterday"}, ["is in none of the supported timestamp formats"]),
    "a number too short": ({"destination_phone_number": 909390000}, [E164]),
    "a number too long": ({"destination_phone_number": 19093900003}, [E164]),
    "a number that is true": ({"calling_phone_number": True}, [E164]),
    "a number with a fraction": ({"calling_phone_number": 8779257384.0}, [E164]),
    "a number without plus": ({"calling_phone_number": "8779257384"}, [E164]),
    "a country not enabled": (
        {"calling_phone_number": "+4930123456"},
        ["has a country code that is not enabled for this network"],
    ),
    "a campaign that is a list": (
        {"advertiser_campaign_id_from_network": [86]},
        ["must be a whole number or a string"],
    ),
    "a campaign that is true": (
        {"advertiser_campaign_id_from_network": True},
        ["must be a whole number or a string"],
    ),
    "a campaign that is long": (
        {"advertiser_campaign_id_from_network": 10**256},
        ["must be at most 255 characters long"],
    ),
    "a direction in capitals": ({"call_direction": "Inbound"}, ["must be one of inbound, outbound"]),
    "a direction that is an object": ({"call_direction": {}}, ["must be one of inbound, outbound"]),
    "a URL of a file": ({"recording_url": "file:///etc/passwd"}, ["must be a URL address"]),
    "a URL of S3": ({"recording_url": "s3://bucket/a.wav"}, ["must be a URL address"]),
    "a URL without a host": ({"recording_url": "https:///a.wav"}, ["must be a URL address"]),
    "a URL that is long": (
        {"recording_url": "https://example.com/" + "a" * 2029},
        ["must be at most 2048 characters long"],
    ),
    "a URL that is a number": ({"recording_url": 1}, ["must be a string"]),
    "an unknown language": ({"language_code": "de-DE"}, ["must be one of en-US, en-GB, es-ES, fr-FR"]),
    "a language not enabled": ({"language_code": "en-GB"}, ["is not enabled for this network"]),
    "an auth config by name": ({"recording_auth_config_id": "CRM"}, ["must be a whole number"]),
    "an auth config that is true": ({"recording_auth_config_id": True}, ["must be a whole number"]),
    "U+0000": ({"external_call_unique_id": "a\0b"}, ["must not contain the character U+0000"]),
    "half a pair": ({"external_call_unique_id": MOUNTAIN}, ["must not contain unpaired surrogates"]),
    "U+0000 in a key nobody knows": ({"note": ["a\0b"]}, ["must not contain the character U+0000"]),
}


def test_a_wrong_field_is_named_and_told_what_it_must_be(api: NetworkClient) -> None:
    for case, (changes, texts) in WRONG.items():
        (name,) = changes
        name = "note[0]" if name == "note" else name
        assert problems(api, call_body(**changes)) == [f"'call.{name}' {text}" for text in texts], case
    assert not Call.objects.exists()


SHAPES: dict[str, tuple[Any, list[str]]] = {
    "a call that is a list": ({"call": [1]}, ["'call' must be an object"]),
    "signals that are an object": (call_body(signals={}), ["'signals' must be an array"]),
    "a signal that is a text": (call_body(signals=["Sale"]), ["'signals[0]' must be an object"]),
    "a signal without a name": (call_body(signals=[{"value": True}]), ["'signals[0].name' is required"]),
    "a signal that is perhaps": (
        call_body(signals=[{"name": "Sale", "value": "maybe"}, {"name": "Lead", "value": 2}]),
        [
            "'signals[0].value' must be true or false, 1 or 0, Yes or No",
            "'signals[1].value' must be true or false, 1 or 0, Yes or No",
        ],
    ),
    "too many signals": (
        call_body(signals=[{"name": f"S{n}"} for n in range(101)]),
        ["'signals' must have at most 100 elements"],
    ),
    "a signal twice": (
        call_body(signals=[{"name": "Sale"}, {"name": "Lead"}, {"name": "SALE", "value": False}]),
        ["'signals[2].name' is the same as 'signals[0].name'"],
    ),
    "custom data without anything": (
        call_body(custom_data=[{}]),
        ["'custom_data[0].name' is required", "'custom_data[0].value' is required"],
    ),
    "custom data that is true": (
        call_body(custom_data=[{"name": "score", "value": True}]),
        ["'custom_data[0].value' must be a string or a number"],
    ),
    "custom data that is long": (
        call_body(custom_data=[{"name": "score", "value": LONG}]),
        ["'custom_data[0].value' must be at most 255 characters long"],
    ),
    "a field twice": (
        call_body(custom_data=[{"name": "score", "value": 1}, {"name": "score", "value": 1}]),
        ["'custom_data[1].name' is the same as 'custom_data[0].name'"],
    ),
    "a key that no row keeps": (
        {**call_body(), "a\0": 1},
        ["'a\ufffd' must not contain the character U+0000"],
    ),
    "both a URL and a file": (
        call_body(recording_filename="a.wav"),
        ["'call.recording_filename' must not come together with 'call.recording_url'"],
    ),
    "a file without direct access": (
        call_body(recording_url=..., recording_filename="a.wav"),
        ["'call.recording_filename' needs direct access to recordings, which is not set up for this network"],
    ),
    "something of everything": (
        {
            "zzz": "\0",
            "custom_data": [{"name": "score"}],
            "signals": [{"value": 7}],
            "call": {
                "recording_auth_config_id": "x",
                "language_code": "xx",
                "call_direction": "up",
                "calling_phone_number": "1",
                "external_call_unique_id": "a",
            },
        },
        [
            "'call.start_time' is required",
            "'call.destination_phone_number' is required",
            f"'call.calling_phone_number' {E164}",
            "'call.advertiser_campaign_id_from_network' is required",
            "'call.call_direction' must be one of inbound, outbound",
            "'call.recording_url' is required",
            "'call.language_code' must be one of en-US, en-GB, es-ES, fr-FR",
            "'call.recording_auth_config_id' must be a whole number",
            "'signals[0].name' is required",
            "'signals[0].value' must be true or false, 1 or 0, Yes or No",
            "'custom_data[0].value' is required",
            "'zzz' must not contain the character U+0000",
        ],
    ),
}


def test_all_problems_come_in_one_answer_in_the_order_of_the_document(api: NetworkClient) -> None:
    for case, (body, texts) in SHAPES.items():
        assert problems(api, body) == texts, case
    assert not Call.objects.exists()


def test_an_auth_config_must_be_the_networks_and_list_the_host(
    api: NetworkClient, network: Networked
) -> None:
    def config(account: Networked, *hosts: str) -> int:
        return RecordingAuth.objects.create(
            sub_tenant=account.sub_tenant, name="CRM", method=AuthMethod.BEARER, hosts=list(hosts)
        ).pk

    unknown = "'call.recording_auth_config_id' is not an auth config of this network"
    elsewhere = "'call.recording_url' must be https at one of the hosts of its auth config"
    theirs = config(networked("network2"), "recordings.example.com")
    ours = config(network, "recordings.example.com")
    for pk in (theirs, 0, -1, 10**30, "1" * 18):
        assert problems(api, call_body(recording_auth_config_id=pk)) == [unknown], pk
    for url in ("https://example.com/a.wav", "http://recordings.example.com/a.wav"):
        body = call_body(recording_url=url, recording_auth_config_id=ours)
        assert problems(api, body) == [elsewhere], url


def test_unknown_names_are_refused_with_the_place_they_stand_at(
    api: NetworkClient, network: Networked
) -> None:
    with_names(network, "Sale", fields=("score",))
    with_names(networked("network2"), "Theirs", fields=("theirs",))
    signal = "signal must already exist in your Signal AI configuration"
    field = "field must already exist in your Custom Data configuration"
    for name in ("Other", "Theirs"):
        assert error(api.post_call(signals=[{"name": "sale"}, {"name": name}])) == (
            403,
            "signals[1].name",
            signal,
        )
    for name in ("other", "theirs", "Score"):
        answer = api.post_call(signals=[{"name": "Sale"}], custom_data=[{"name": name, "value": 1}])
        assert error(answer) == (403, "custom_data[0].name", field)
    assert not Call.objects.exists()
