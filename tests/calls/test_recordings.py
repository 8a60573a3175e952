"""Beginning a recording anew, and making a waiting one due now."""

import pytest

from calls.models import FetchAttempt, Recording
from calls.services import recordings
from partners.models import Delivery
from tests.calls.living import STARTED, live
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.work.fetching import attempt, callbacks_owed, seconds_until_next, stored_keys, take_in
from tests.work.support import in_threads
from zipingest import work
from zipingest.work import WorkState

WAV = audio.wav(0.2)


@pytest.fixture
def server():
    with PartnerServer() as server:
        yield server


@pytest.fixture
def failed(db, server):
    call = take_in(server.serve("/gone.wav", status=404))
    assert attempt(call).state == WorkState.FAILED
    call.refresh_from_db()
    return call


def test_a_failed_recording_is_taken_up_with_another_url(failed, server):
    assert recordings.take_up(call=failed, url=server.serve("/b.wav", WAV))
    recording = Recording.objects.get(call=failed)
    assert (recording.state, recording.run, recording.attempts) == (WorkState.DUE, 2, 0)
    assert (recording.last_error, recording.public_state) == ("", "queued")
    assert recording.target == f"127.0.0.1:{server.port}"
    recording = attempt(failed)
    assert recording.state == WorkState.DONE
    assert stored_keys(failed) == sorted([recording.key, recording.original_key])


def test_it_is_tried_again_from_the_url_it_has(failed, server):
    server.serve("/gone.wav", WAV)
    assert recordings.take_up(call=failed)
    assert attempt(failed).state == WorkState.DONE


def test_a_new_run_owes_a_callback_with_a_new_webhook_id(failed, server):
    recordings.take_up(call=failed, url=server.serve("/b.wav", WAV))
    attempt(failed)
    owed = Delivery.objects.filter(subject=failed.uuid).order_by("pk")
    assert [each.webhook_id for each in owed] == [f"msg_{failed.uuid.hex}_{run}" for run in (1, 2)]
    assert [body["status"] for body in callbacks_owed(failed)] == ["failed", "completed"]


def test_the_attempts_of_both_runs_are_kept(failed, server):
    recordings.take_up(call=failed, url=server.serve("/b.wav", WAV))
    attempt(failed)
    kept = FetchAttempt.objects.filter(recording__call=failed).values_list("run", "status")
    assert list(kept) == [(1, 404), (2, 200)]


def test_processing_time_counts_from_the_beginning_of_the_run(failed, server):
    Recording.objects.filter(call=failed).update(begun_at=work.database_now().replace(year=2020))
    failed.refresh_from_db()
    recordings.take_up(call=failed, url=server.serve("/b.wav", WAV))
    attempt(failed)
    assert callbacks_owed(failed)[-1]["processing_time"] < 60


def test_a_poisoned_recording_can_be_taken_up_and_crash_three_times_again(failed):
    Recording.objects.filter(call=failed).update(state=WorkState.POISON, crashes=3, expiries=4)
    failed.refresh_from_db()
    assert recordings.take_up(call=failed)
    recording = Recording.objects.get(call=failed)
    assert (recording.state, recording.crashes, recording.expiries) == (WorkState.DUE, 0, 0)


@pytest.mark.parametrize("state", [WorkState.DUE, WorkState.LEASED, WorkState.DONE])
def test_what_has_not_failed_is_not_taken_up(failed, state):
    Recording.objects.filter(call=failed).update(state=state)
    failed.refresh_from_db()
    assert not recordings.take_up(call=failed, url="http://127.0.0.1:9/b")
    assert Recording.objects.get(call=failed).run == 1


@pytest.mark.parametrize("state", [WorkState.FAILED, WorkState.DUE])
def test_what_was_given_up_neither_begins_anew_nor_is_hastened(failed, state):
    Recording.objects.filter(call=failed).update(state=state, purged_at=work.database_now())
    failed.refresh_from_db()
    before = Recording.objects.filter(call=failed).values().get()
    assert not recordings.take_up(call=failed, url="http://127.0.0.1:9/b")
    assert not recordings.hasten(call=failed)
    assert Recording.objects.filter(call=failed).values().get() == before


@pytest.mark.django_db
@pytest.mark.parametrize("ended_at", [None, STARTED])
def test_a_call_without_a_recording_has_none_to_begin_or_hasten(ended_at):
    call = live(ended_at=ended_at)
    assert not recordings.take_up(call=call, url="http://127.0.0.1:9/b")
    assert not recordings.hasten(call=call)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_take_it_up_at_once_one_does(server):
    call = take_in(server.serve("/gone.wav", status=404))
    attempt(call)
    call.refresh_from_db()
    url = server.url("/b.wav")
    begun = in_threads(6, lambda: recordings.take_up(call=type(call).objects.get(pk=call.pk), url=url))
    assert sum(begun) == 1
    assert Recording.objects.get(call=call).run == 2


@pytest.mark.django_db
def test_a_waiting_recording_can_be_made_due_now(server):
    call = take_in(server.serve("/a.wav", status=503))
    assert seconds_until_next(attempt(call)) > 20
    assert recordings.hasten(call=call)
    assert seconds_until_next(Recording.objects.get(call=call)) <= 0


def test_what_has_ended_cannot_be_hastened(failed):
    assert not recordings.hasten(call=failed)
