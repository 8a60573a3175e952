"""What Asterisk publishes of ARI, as far as the product uses it, and whether a request or an answer is valid.

Facts from the "Asterisk REST Interface" pages of docs.asterisk.org (Channels, Events, Recordings and data
models), which are made from rest-api/api-docs/*.json; as of Asterisk 20. A status that is not named here, but
for 401, is not described; that a begun recording is answered with 201 is the source's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Parameter:
    """``allowed`` is empty where anything of the type is."""

    type: str = "string"
    required: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """``answers`` names the model of a good answer, empty for none."""

    method: str
    path: str
    answers: str = ""
    created: bool = False
    errors: tuple[int, ...] = ()
    query: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def good(self) -> int:
        return (201 if self.created else 200) if self.answers else 204

    def arguments(self, path: str) -> dict[str, str] | None:
        """The parts of a path that are its own; None where the path is of another operation."""
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path), path)
        return {name: unquote(part) for name, part in found.groupdict().items()} if found else None


_HANGUP_REASONS = (
    "normal",
    "busy",
    "congestion",
    "no_answer",
    "timeout",
    "rejected",
    "unallocated",
    "normal_unspecified",
    "number_incomplete",
    "codec_mismatch",
    "interworking",
    "failure",
    "answered_elsewhere",
)
OPERATIONS = {
    "originate": Operation(
        "POST",
        "/channels",
        answers="Channel",
        errors=(400, 409),
        query={
            "endpoint": Parameter(required=True),
            "extension": Parameter(),
            "context": Parameter(),
            "priority": Parameter("long"),
            "label": Parameter(),
            "app": Parameter(),
            "appArgs": Parameter(),
            "callerId": Parameter(),
            "timeout": Parameter("int"),
            "channelId": Parameter(),
            "otherChannelId": Parameter(),
            "originator": Parameter(),
            "formats": Parameter(),
        },
    ),
    "channel": Operation("GET", "/channels/{channelId}", answers="Channel", errors=(404,)),
    "hangup": Operation(
        "DELETE",
        "/channels/{channelId}",
        errors=(400, 404),
        query={"reason_code": Parameter(), "reason": Parameter(allowed=_HANGUP_REASONS)},
    ),
    "record": Operation(
        "POST",
        "/channels/{channelId}/record",
        answers="LiveRecording",
        created=True,
        errors=(400, 404, 409, 422),
        query={
            "name": Parameter(required=True),
            "format": Parameter(required=True),
            "maxDurationSeconds": Parameter("int"),
            "maxSilenceSeconds": Parameter("int"),
            "ifExists": Parameter(allowed=("fail", "overwrite", "append")),
            "beep": Parameter("boolean"),
            "terminateOn": Parameter(allowed=("none", "any", "*", "#")),
        },
    ),
    "variable": Operation(
        "GET",
        "/channels/{channelId}/variable",
        answers="Variable",
        errors=(400, 404, 409),
        query={"variable": Parameter(required=True)},
    ),
    "set_variable": Operation(
        "POST",
        "/channels/{channelId}/variable",
        errors=(400, 404, 409),
        query={"variable": Parameter(required=True), "value": Parameter()},
    ),
    "live": Operation("GET", "/recordings/live/{recordingName}", answers="LiveRecording", errors=(404,)),
    "mute": Operation("POST", "/recordings/live/{recordingName}/mute", errors=(404, 409)),
    "unmute": Operation("DELETE", "/recordings/live/{recordingName}/mute", errors=(404, 409)),
    "stored": Operation(
        "GET", "/recordings/stored/{recordingName}", answers="StoredRecording", errors=(404,)
    ),
    "file": Operation("GET", "/recordings/stored/{recordingName}/file", answers="binary", errors=(403, 404)),
    "events": Operation(
        "GET",
        "/events",
        answers="Message",
        query={"app": Parameter(required=True), "subscribeAll": Parameter("boolean")},
    ),
}
# A call that is put into an application has no place in the dialplan.
_EXCLUDED_BY_APP = ("extension", "context", "priority", "label")

_CHANNEL_STATES = (
    "Down",
    "Rsrved",
    "OffHook",
    "Dialing",
    "Ring",
    "Ringing",
    "Up",
    "Busy",
    "Dialing Offhook",
    "Pre-ring",
    "Unknown",
)
_RECORDING_STATES = ("queued", "recording", "paused", "done", "failed", "canceled")


def _must(type_: str = "string", *allowed: str) -> Parameter:
    return Parameter(type_, required=True, allowed=allowed)


_EVENT = {"type": _must(), "application": _must(), "timestamp": _must("Date"), "asterisk_id": Parameter()}
_OF_CHANNEL = {**_EVENT, "channel": _must("Channel")}
_OF_RECORDING = {**_EVENT, "recording": _must("LiveRecording")}
MODELS: dict[str, dict[str, Parameter]] = {
    "CallerID": {"name": _must(), "number": _must()},
    "DialplanCEP": {
        "context": _must(),
        "exten": _must(),
        "priority": _must("long"),
        "app_name": _must(),
        "app_data": _must(),
    },
    "Channel": {
        "id": _must(),
        "protocol_id": _must(),
        "name": _must(),
        "state": _must("string", *_CHANNEL_STATES),
        "caller": _must("CallerID"),
        "connected": _must("CallerID"),
        "accountcode": _must(),
        "dialplan": _must("DialplanCEP"),
        "creationtime": _must("Date"),
        "language": _must(),
        "channelvars": Parameter("object"),
        "caller_rdnis": Parameter(),
        "tenantid": Parameter(),
    },
    "LiveRecording": {
        "name": _must(),
        "format": _must(),
        "target_uri": _must(),
        "state": _must("string", *_RECORDING_STATES),
        "duration": Parameter("int"),
        "talking_duration": Parameter("int"),
        "silence_duration": Parameter("int"),
        "cause": Parameter(),
    },
    "StoredRecording": {"name": _must(), "format": _must()},
    "Variable": {"value": _must()},
    # --- Events
    "StasisStart": {**_OF_CHANNEL, "args": _must("List[string]"), "replace_channel": Parameter("Channel")},
    "StasisEnd": _OF_CHANNEL,
    "ChannelStateChange": _OF_CHANNEL,
    "ChannelHangupRequest": {**_OF_CHANNEL, "cause": Parameter("int"), "soft": Parameter("boolean")},
    "ChannelDestroyed": {**_OF_CHANNEL, "cause": _must("int"), "cause_txt": _must()},
    "RecordingStarted": _OF_RECORDING,
    "RecordingFinished": _OF_RECORDING,
    "RecordingFailed": _OF_RECORDING,
    "ApplicationReplaced": _EVENT,
}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")


def date(moment: datetime) -> str:
    """As Asterisk writes times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}{moment:%z}"


def operation_of(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The operation's name and the parts of the path; None where Asterisk has no such operation."""
    for name, operation in OPERATIONS.items():
        if operation.method == method and (arguments := operation.arguments(path)) is not None:
            return name, arguments
    return None


def problems_of_query(name: str, query: Mapping[str, list[str]]) -> list[str]:
    """What is not as described in the query of a request, in words."""
    known = OPERATIONS[name].query
    found = [f"{name}: no parameter {one}" for one in query if one not in known]
    found += [f"{name}: {one} given {len(values)} times" for one, values in query.items() if len(values) > 1]
    found += [
        f"{name}: {one} is missing" for one, rule in known.items() if rule.required and one not in query
    ]
    for one, values in query.items():
        if one in known and not _is_written_as(known[one], values[0]):
            found.append(f"{name}: {one}={values[0]} is not allowed")
    if "app" in query and name == "originate":
        found += [f"{name}: {one} besides app" for one in _EXCLUDED_BY_APP if one in query]
    return found


def problems_of_answer(name: str, status: int, body: Any) -> list[str]:
    """What is not as described in an answer."""
    operation = OPERATIONS[name]
    if status not in (operation.good, 401, *operation.errors):
        return [f"{name}: no answer {status}"]
    if status == operation.good and operation.answers in MODELS:
        return problems_of(operation.answers, body)
    return []


def problems_of_event(event: Any) -> list[str]:
    kind = event.get("type") if isinstance(event, dict) else None
    return problems_of(kind, event) if kind in MODELS and "type" in MODELS[kind] else [f"no event {kind}"]


def problems_of(model: str, value: Any) -> list[str]:
    """What of ``value`` is not as the model has it."""
    if not isinstance(value, dict):
        return [f"{model}: not an object"]
    known = MODELS[model]
    found = [f"{model}: no field {one}" for one in value if one not in known]
    found += [
        f"{model}: {one} is missing" for one, rule in known.items() if rule.required and one not in value
    ]
    for one, part in value.items():
        if one in known:
            found += [f"{model}.{one}: {problem}" for problem in _problems_of_value(known[one], part)]
    return found


def _problems_of_value(rule: Parameter, value: Any) -> list[str]:
    if rule.type in MODELS:
        return problems_of(rule.type, value)
    if not _HAS_TYPE[rule.type](value):
        return [f"{value!r} is no {rule.type}"]
    return [f"{value!r} is not allowed"] if rule.allowed and value not in rule.allowed else []


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_HAS_TYPE = {
    "string": lambda value: isinstance(value, str),
    "int": _is_whole,
    "long": _is_whole,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "Date": lambda value: isinstance(value, str) and _DATE.fullmatch(value) is not None,
    "List[string]": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
}


def _is_written_as(rule: Parameter, text: str) -> bool:
    """Of a query, where everything is text."""
    if rule.type in ("int", "long"):
        return re.fullmatch(r"-?\d+", text) is not None
    if rule.type == "boolean":
        return text in ("true", "false")
    return bool(text) and (not rule.allowed or text in rule.allowed)
