"""GET /api/call/export/csv and /api/call/recording/{uuid}: what became of a batch, and what was said."""

import csv
import io

import pytest
from django.conf import settings as django_settings

from calls.dialer.models import Contact, PhoneLog
from calls.models import AccessRecord, Call
from tests.support import audio, dialer_api, dialling, factories, recordings
from tests.support.dialer_api import DialerClient, data, record, refused

WAV = audio.wav(0.5)


@pytest.fixture
def call(dialer: DialerClient) -> Call:
    """One that the simulator has made, with its recording stored."""
    dialling.run_until_ended(dialling.contact(dialling.batch(dialer.provisioned), variables={"name": "Zoë"}))
    found = Call.objects.get()
    recordings.store(found, WAV)
    return found


def rows(dialer: DialerClient, batch_id: str) -> list[dict[str, str]]:
    answer = dialer.get("export/csv", {"batchId": batch_id})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer["Content-Disposition"] == f'attachment; filename="batch-{batch_id}.csv"'
    text = answer.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_call_is_told_with_its_recording_for_the_same_key(dialer: DialerClient, call: Call) -> None:
    contact = Contact.objects.get()
    (row,) = rows(dialer, contact.batch.public_id)
    assert (row["callId"], row["phoneNumber"], row["name"]) == (contact.public_id, contact.phone, "Zoë")
    assert (row["status"], row["calls"], row["callStatus"]) == ("completed", "1", "completed")
    assert float(row["callDuration"]) == pytest.approx(PhoneLog.objects.get().seconds, abs=0.001)
    (shown,) = data(dialer.get(f"batch-details/{contact.batch.public_id}"))["data"]
    assert shown["phoneLogs"][0]["recordingUrl"] == row["recordingUrl"]

    path = row["recordingUrl"].removeprefix(f"{django_settings.PUBLIC_URL}/api/call/")
    assert path == f"recording/{call.uuid.hex}"
    answer = dialer.get(path)
    assert (answer.status_code, answer["Content-Type"], answer.getvalue()) == (200, "audio/wav", WAV)
    part = dialer.get(path, Range="bytes=0-9")
    assert (part.status_code, part.getvalue()) == (206, WAV[:10])
    assert {access.actor for access in AccessRecord.objects.all()} == {"Workspace"}


def test_a_recording_is_given_to_its_account_alone_and_while_it_is_kept(
    dialer: DialerClient, call: Call
) -> None:
    path = f"recording/{call.uuid.hex}"
    refused(dialer_api.client(sub_tenant="elsewhere").get(path), 404)
    factories.ingest(dialer.provisioned)
    other = factories.call(dialer.provisioned)
    recordings.store(other, WAV)
    refused(dialer.get(f"recording/{other.uuid.hex}"), 404)
    recordings.expire(call)
    refused(dialer.get(path), 410)
    assert not AccessRecord.objects.exists()


def test_results_hide_no_formula_and_need_no_call(dialer: DialerClient) -> None:
    batch = dialer.batch()
    records = [
        record(0, name="=1+1", phone2="+12125550000", **{"@x": "-5"}),
        record(1, vip=True, age=40, tags=["a"]),
    ]
    data(dialer.add(batch.public_id, *records))
    data(dialer.post("stop-calling", {"batchId": batch.public_id}))
    first, second = rows(dialer, batch.public_id)
    assert (first["phoneNumber"], first["name"], first["phone2"]) == ("+12125551000", "'=1+1", "+12125550000")
    assert first["'@x"] == "'-5"
    assert (first["blockedBy"], first["calls"], first["callStatus"]) == ("batch-stopped", "0", "")
    assert (second["vip"], second["age"], second["tags"], second["name"]) == ("true", "40", '["a"]', "")


def test_results_are_a_batch_of_ones_own(dialer: DialerClient) -> None:
    batch = dialer.batch()
    assert rows(dialer, batch.public_id) == []
    refused(dialer.get("export/csv"), 400)
    refused(dialer.get("export/csv", {"batchId": "nobody"}), 404)
    elsewhere = dialer_api.client(sub_tenant="elsewhere")
    refused(elsewhere.get("export/csv", {"batchId": batch.public_id}), 403)
