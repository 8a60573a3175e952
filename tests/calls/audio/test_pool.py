"""Helpers are shared by threads but not by forks, replaced when they die, renewed when they grow old."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from calls.audio import engine as engine_module
from calls.audio import process
from calls.audio.engine import AudioEngine
from calls.audio.errors import AudioError, HelperCrashed, HelperUnavailable
from calls.audio.facts import AudioFacts, AudioOptions
from tests.calls.audio.processes import gone, helper_pids, helpers_at, until
from tests.support import audio

# Helpers that are kept busy.
pytestmark = pytest.mark.slow

Normalise = Callable[..., AudioFacts]
MakeEngine = Callable[..., AudioEngine]


def run(engine: AudioEngine, folder: Path, name: str = "call", lane: str | None = None) -> AudioFacts:
    source = folder / f"{name}.wav"
    source.write_bytes(audio.wav(0.2))
    return engine.normalise(source, folder / f"{name}.normalised.wav", options=AudioOptions(), lane=lane)


class Long:
    """A recording of many seconds of work, handed in by a thread of its own."""

    def __init__(self, engine: AudioEngine, threads: ThreadPoolExecutor, folder: Path, lane: str) -> None:
        folder.mkdir()
        self.source, self.target = folder / "long.wav", folder / "long.normalised.wav"
        audio.slow_wav(self.source)
        options = AudioOptions()
        self.result: Future[AudioFacts] = threads.submit(
            engine.normalise, self.source, self.target, options=options, lane=lane
        )

    @property
    def begun(self) -> bool:
        return self.target.exists()

    def end(self) -> None:
        end_all(self)

    def ended(self) -> bool:
        """Kills its helper, where it has one by now."""
        for helper in helpers_at(self.source):
            with suppress(ProcessLookupError):
                os.kill(helper, signal.SIGKILL)
        return self.result.done()


def end_all(*longs: Long) -> None:
    """In whatever order they have begun or come to begin."""
    assert until(lambda: sum(long.ended() for long in longs) == len(longs))


def test_no_helper_runs_before_the_first_recording(make_engine: MakeEngine) -> None:
    before = helper_pids()
    make_engine(helpers=2)
    assert helper_pids() == before


def test_threads_share_no_more_helpers_than_allowed(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine, before = make_engine(helpers=2), helper_pids()
    with ThreadPoolExecutor(8) as threads:
        facts = list(threads.map(lambda index: run(engine, tmp_path, f"call{index}"), range(24)))
    assert {fact.duration_seconds for fact in facts} == {0.2}
    assert len(helper_pids() - before) == 2


def test_a_helper_outlives_the_thread_that_first_used_it(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine, before = make_engine(), helper_pids()
    first = threading.Thread(target=run, args=(engine, tmp_path))
    first.start()
    first.join()
    started = helper_pids() - before
    run(engine, tmp_path)
    assert len(started) == 1
    assert helper_pids() - before == started


def test_a_slow_recording_does_not_delay_its_neighbours(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine, before, slow = make_engine(helpers=2), helper_pids(), tmp_path / "slow.wav"
    audio.slow_wav(slow)
    run(engine, tmp_path)
    (busy,) = helper_pids() - before
    with ThreadPoolExecutor(1) as threads:
        long = threads.submit(engine.normalise, slow, tmp_path / "slow.out", options=AudioOptions())
        until((tmp_path / "slow.out").exists)
        for _ in range(5):
            run(engine, tmp_path)
        assert not long.done()
        os.kill(busy, signal.SIGKILL)
        with pytest.raises(HelperCrashed):
            long.result()


def test_long_recordings_of_one_lane_delay_no_other_lane(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine(helpers=2)
    with ThreadPoolExecutor(4) as threads:
        longs = [Long(engine, threads, tmp_path / str(number), "partner:1") for number in range(4)]
        assert until(lambda: any(long.begun for long in longs))
        for _ in range(5):
            run(engine, tmp_path, lane="partner:2")
        assert not any(long.result.done() for long in longs)
        assert sum(long.begun for long in longs) == 1
        end_all(*longs)


@pytest.mark.parametrize(("helpers", "share"), [(1, 1), (2, 1), (3, 2)])
def test_a_lane_has_all_helpers_but_one_and_never_none(
    make_engine: MakeEngine, tmp_path: Path, helpers: int, share: int
) -> None:
    engine, before = make_engine(helpers=helpers), helper_pids()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda index: run(engine, tmp_path, f"call{index}", "partner:1"), range(24)))
    assert len(helper_pids() - before) == share


def test_a_free_helper_goes_to_the_lane_that_has_the_fewest(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine(helpers=3)
    with ThreadPoolExecutor(5) as threads:
        first, second, third = (
            Long(engine, threads, tmp_path / lane, lane) for lane in ("partner:1", "partner:2", "partner:3")
        )
        assert until(lambda: first.begun and second.begun and third.begun)
        early = Long(engine, threads, tmp_path / "early", "partner:1")
        late = threads.submit(run, engine, tmp_path, lane="partner:4")
        assert until(lambda: len(engine._pool._waiting) == 2), "both wait for a helper"
        third.end()
        assert late.result(timeout=5).duration_seconds == 0.2
        assert until(lambda: early.begun)
        end_all(first, second, early)


def test_who_gives_up_waiting_holds_nobody_up(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine()
    with ThreadPoolExecutor(2) as threads:
        long = Long(engine, threads, tmp_path / "long", "partner:1")
        assert until(lambda: long.begun)
        with pytest.raises(HelperUnavailable):
            engine.probe(long.source, total_bytes=None, seconds=0.05)
        waiting = threads.submit(run, engine, tmp_path, lane="partner:1")
        long.end()
        assert waiting.result(timeout=10).duration_seconds == 0.2


def test_many_threads_of_many_lanes_all_get_their_turn(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine(helpers=2)
    with ThreadPoolExecutor(12) as threads:
        facts = threads.map(
            lambda index: run(engine, tmp_path, f"call{index}", f"partner:{index % 5}"), range(60)
        )
        assert [fact.duration_seconds for fact in facts] == [0.2] * 60


def test_a_helper_that_died_idle_is_replaced_without_a_word(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine, before = make_engine(), helper_pids()
    run(engine, tmp_path)
    (idle,) = helper_pids() - before
    os.kill(idle, signal.SIGKILL)
    until(lambda: gone(idle))
    assert run(engine, tmp_path).duration_seconds == 0.2


def test_a_helper_is_renewed_after_its_share_of_recordings(
    make_engine: MakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "JOBS_PER_HELPER", 2)
    engine, before = make_engine(), helper_pids()
    run(engine, tmp_path)
    first = helper_pids() - before
    run(engine, tmp_path)
    assert helper_pids() - before == set()
    run(engine, tmp_path)
    assert helper_pids() - before != first


def test_a_refused_recording_does_not_cost_the_helper(
    make_engine: MakeEngine, tmp_path: Path, normalise: Normalise
) -> None:
    engine, before = make_engine(), helper_pids()
    run(engine, tmp_path)
    started = helper_pids() - before
    with pytest.raises(AudioError):
        normalise(audio.wav(0.1, channels=6), by=engine)
    run(engine, tmp_path)
    assert helper_pids() - before == started


def test_a_forked_process_starts_helpers_of_its_own(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine()
    run(engine, tmp_path)
    child = os.fork()
    if child == 0:
        # Without os._exit the child would go on to run the rest of the tests.
        os._exit(
            0 if run(engine, tmp_path, "child").duration_seconds == 0.2 and len(helper_pids()) == 1 else 1
        )
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run(engine, tmp_path).duration_seconds == 0.2


def test_a_closed_engine_leaves_no_helper_and_takes_no_recording(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine, before = make_engine(), helper_pids()
    run(engine, tmp_path)
    engine.close()
    assert helper_pids() <= before
    with pytest.raises(HelperUnavailable):
        run(engine, tmp_path)


def test_a_helper_that_cannot_start_is_not_the_files_fault(
    make_engine: MakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_FOLDER", tmp_path / "missing")
    with pytest.raises(HelperUnavailable):
        run(make_engine(), tmp_path)


def test_a_helper_whose_program_cannot_be_run_is_not_trouble_with_our_files(
    make_engine: MakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(HelperUnavailable, match=r"^no audio helper could be started: No such file"):
        run(make_engine(), tmp_path)
