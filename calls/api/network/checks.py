"""What no field tells by itself: which belong together, and what they mean in this account (network spec).

Refusals come in the order of the spec: all that is wrong with the shape at once, then campaign, auth config,
signals, custom data.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from calls import configured
from calls.api.network.base import record_invalid, refusal, unknown_name
from calls.api.network.schemas import (
    MAX_SIGNALS,
    NOT_GIVEN,
    NetworkCallBody,
    NetworkCallIn,
    NetworkCustomDataIn,
    NetworkSignalIn,
    Problems,
    parse,
)
from calls.drafts import CallDraft, CustomDraft, CustomerDraft, SignalDraft
from calls.models import Campaign, CampaignType, DirectAccess, Direction, Network, RecordingAuth
from calls.sources import direct
from partners.models import SubTenant

_CAMPAIGN = "call.advertiser_campaign_id_from_network"


def draft_of(value: dict[str, Any], sub_tenant: SubTenant, network: Network) -> CallDraft:
    """The call that a body hands in; raises ApiError 403 for whatever is wrong with it."""
    address, problems = _address(value.get("call"), sub_tenant)
    body = parse(NetworkCallBody, value, network, problems | _repeated(value))
    campaign = _campaign(sub_tenant, body.call.advertiser_campaign_id_from_network)
    auth = auth_config(sub_tenant, body.call.recording_auth_config_id, address, within="call.")
    signals = _signals(sub_tenant, body.signals)
    custom_data = _custom_data(sub_tenant, body.custom_data)
    return CallDraft(
        external_id=body.call.external_call_unique_id,
        recording_url=address,
        started_at=body.call.start_time,
        ended_at=None,
        direction=body.call.call_direction,
        language=body.call.language_code or network.default_language,
        campaign_id=campaign.pk,
        auth_id=auth.pk if auth else None,
        signals=signals,
        custom_data=custom_data,
        extras=body.all_extras(),
        **_sides(body.call),
    )


def _sides(call: NetworkCallIn) -> dict[str, Any]:
    """Who is the customer: of an inbound call who rang, of an outbound one who was rung."""
    customer, ours = call.calling_phone_number, call.destination_phone_number
    if call.call_direction == Direction.OUTBOUND:
        customer, ours = ours, customer
    return {"customer_phone": customer, "our_phone": ours, "customer": CustomerDraft(customer)}


# --- Which fields belong together -------------------------------------------------------------------------
def _address(call: Any, sub_tenant: SubTenant) -> tuple[str, Problems]:
    """Where the recording is to be had: its URL, or a file that the account gives us access to."""
    if not isinstance(call, dict):
        return "", {}
    given = {name: value for name, value in call.items() if value not in NOT_GIVEN}
    if "recording_url" not in given:
        return _address_of_file(given, configured.direct_access(sub_tenant))
    if "recording_filename" in given:
        return "", _of_file("must not come together with 'call.recording_url'")
    return str(given["recording_url"]), {}


def _address_of_file(given: dict[str, Any], access: DirectAccess | None) -> tuple[str, Problems]:
    named = "recording_filename" in given
    if access is None and not named:
        return "", {("call", "recording_url"): "is required"}
    if access is None:
        return "", _of_file("needs direct access to recordings, which is not set up for this network")
    if "recording_auth_config_id" in given:
        return "", {("call", "recording_auth_config_id"): "goes with 'call.recording_url' only"}
    field = "recording_filename" if named else "external_call_unique_id"
    if not isinstance(given.get(field), str):
        return "", {}  # its shape is wrong, which is told anyhow
    try:
        return direct.address(access, given[field]), {}
    except direct.UnsafePath as error:
        return "", {("call", field): f"{'' if named else 'names the recording, and '}{error}"}


def _of_file(problem: str) -> Problems:
    return {("call", "recording_filename"): problem}


def _repeated(value: dict[str, Any]) -> Problems:
    """Signals and fields of custom data that are named twice; signals in whichever letters."""
    signals = _named_twice("signals", value.get("signals"), str.lower)
    return signals | _named_twice("custom_data", value.get("custom_data"), str)


def _named_twice(where: str, entries: Any, form: Callable[[str], str]) -> Problems:
    problems: Problems = {}
    first: dict[str, int] = {}
    for place, entry in enumerate(entries[:MAX_SIGNALS] if isinstance(entries, list) else []):
        name = entry.get("name") if isinstance(entry, dict) else None
        if name and isinstance(name, str) and first.setdefault(form(name), place) != place:
            problems[where, place, "name"] = f"is the same as '{where}[{first[form(name)]}].name'"
    return problems


# --- What they mean in this account -----------------------------------------------------------------------
def _campaign(sub_tenant: SubTenant, external_id: str) -> Campaign:
    campaign = configured.campaign(sub_tenant, external_id)
    if campaign is None:
        raise refusal(403, "UnauthorizedAdvertiser", "You do not have access to this advertiser")
    if campaign.type != CampaignType.EXTERNAL_ONLY:
        raise refusal(403, _CAMPAIGN, "campaign must be for external calls only")
    if not campaign.is_transcribed:
        raise refusal(403, _CAMPAIGN, "campaign must have transcription enabled")
    return campaign


def auth_config(sub_tenant: SubTenant, pk: int | None, url: str, *, within: str = "") -> RecordingAuth | None:
    """The account's auth config of that id, None where none is named.

    Raises ApiError 403 where there is none, or where its secret may not go to ``url``. ``within``: what the
    names of the fields begin with.
    """
    if pk is None:
        return None
    auth = configured.recording_auth(sub_tenant, pk)
    if auth is None:
        raise record_invalid([f"'{within}recording_auth_config_id' is not an auth config of this network"])
    if not auth.covers(url):
        problem = "must be https at one of the hosts of its auth config"
        raise record_invalid([f"'{within}recording_url' {problem}"])
    return auth


def _signals(sub_tenant: SubTenant, entries: list[NetworkSignalIn]) -> tuple[SignalDraft, ...]:
    names = [entry.name for entry in entries]
    keys = _all_known("signals", names, configured.signals_named(sub_tenant, names))
    return tuple(SignalDraft(key, entry.value) for key, entry in zip(keys, entries, strict=True))


def _custom_data(sub_tenant: SubTenant, entries: list[NetworkCustomDataIn]) -> tuple[CustomDraft, ...]:
    names = [entry.name for entry in entries]
    keys = _all_known("custom_data", names, configured.fields_named(sub_tenant, names))
    return tuple(CustomDraft(key, entry.value) for key, entry in zip(keys, entries, strict=True))


def _all_known(part: str, names: Sequence[str], known: Mapping[str, int]) -> list[int]:
    """The keys of the names of that part of a body; raises ApiError 403 of the first unknown one."""
    for place, name in enumerate(names):
        if name not in known:
            raise unknown_name(part, place)
    return [known[name] for name in names]
