"""kill -9 at every step of the main job: another worker takes over, and nothing is lost or done twice."""

import shutil
import threading

import pytest

from calls.models import Recording
from partners.models import Delivery
from tests.kills.support import (
    assert_done_once,
    audio_helpers_of,
    half_fetched,
    killed_worker,
    process,
    scratch,
    wait_until,
    worker,
)
from tests.kills.worker import work_off
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.work.fetching import stored_keys, take_in
from zipingest import tasks
from zipingest.management.commands.run_stack import stack
from zipingest.work import WorkState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

WAV = audio.wav(30)


@pytest.fixture(autouse=True)
def _no_scratch_of_earlier_kills():
    shutil.rmtree(scratch(), ignore_errors=True)


@pytest.fixture
def server():
    with PartnerServer() as server:
        server.serve("/a.wav", WAV)
        server.serve("/hook", status=204)
        yield server


@pytest.fixture
def call(server):
    return take_in(server.url("/a.wav"), callback_url=server.url("/hook"))


def state_of(call):
    recording = Recording.objects.get(call=call)
    return recording.state, recording.lease_epoch


def test_killed_once_it_has_claimed(call, server):
    killed_worker("claimed")
    assert state_of(call) == (WorkState.LEASED, 1)
    assert server.requests == []
    work_off()
    assert_done_once(call, server)
    assert (server.count("/a.wav"), server.count("/hook")) == (1, 1)


def test_killed_with_half_of_the_recording_fetched(call, server):
    server.serve("/a.wav", WAV, hold=threading.Event(), hold_after=200_000)
    with process(worker("never")) as doomed:
        wait_until(half_fetched)
        doomed.kill()
        doomed.wait()
    assert state_of(call) == (WorkState.LEASED, 1)
    server.serve("/a.wav", WAV)
    work_off()
    assert_done_once(call, server)


def test_killed_while_decoding_and_its_helper_with_it(call, server):
    pid = killed_worker("decoding")
    wait_until(lambda: not audio_helpers_of(pid))
    assert state_of(call) == (WorkState.LEASED, 1)
    assert stored_keys(call) == []
    work_off()
    assert_done_once(call, server)


def test_killed_with_the_objects_stored_and_the_row_not_finished(call, server):
    killed_worker("stored")
    assert state_of(call) == (WorkState.LEASED, 1)
    assert len(stored_keys(call)) == 2
    assert not Delivery.objects.exists()
    work_off()
    assert_done_once(call, server)
    assert state_of(call) == (WorkState.DONE, 2)


# the pause after the second lost claim is fifteen seconds
def test_killed_twice_and_what_the_first_had_stored_is_gone_in_the_end(call, server):
    killed_worker("stored")
    killed_worker("cleaning")
    work_off()
    assert_done_once(call, server)


def test_killed_with_the_end_committed_and_nobody_told(call, server):
    killed_worker("committed")
    assert state_of(call) == (WorkState.DONE, 1)
    assert Delivery.objects.get().state == WorkState.DUE
    work_off()
    assert_done_once(call, server)
    assert (server.count("/a.wav"), server.count("/hook")) == (1, 1)


def test_killed_with_the_callback_sent_and_not_marked(call, server):
    killed_worker("sent")
    assert server.count("/hook") == 1
    assert Delivery.objects.get().state == WorkState.LEASED
    work_off()
    assert_done_once(call, server)
    assert server.count("/hook") == 2


def test_a_celery_worker_killed_while_fetching_is_recovered_by_the_sweep(server):
    """The worker as it is run for real, over the real broker; the test only does what beat does."""
    (program,) = [program for program in stack(bind="127.0.0.1", workers=2) if program.name == "worker"]
    server.serve("/a.wav", WAV, hold=threading.Event(), hold_after=200_000)
    with process(program.command) as doomed:
        call = take_in(server.url("/a.wav"), callback_url=server.url("/hook"))
        wait_until(half_fetched)
        doomed.kill()
        doomed.wait()
    server.serve("/a.wav", WAV)

    def swept_and_delivered():
        tasks.sweep.delay()
        return server.count("/hook") and Delivery.objects.filter(state=WorkState.DONE).exists()

    with process(program.command):
        wait_until(swept_and_delivered)
    assert_done_once(call, server)
