"""From pauses to what must be silent: never less than was paused, and placed only where that can be known."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.audio.facts import Silencing
from calls.models import Pause, PauseHandling
from calls.pauses import PausesDoNotFit, check_length, merged, silencing

BEGAN = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
SECOND = 1_000_000


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def pause(start: float, end: float | None, *, error: str = "") -> Pause:
    return Pause(paused_at=at(start), resumed_at=None if end is None else at(end), provider_error=error)


def planned(*pauses: Pause, handling: str = PauseHandling.IGNORED, ended: float | None = 60) -> Silencing:
    ended_at = None if ended is None else at(ended)
    return silencing(pauses, started_at=BEGAN, ended_at=ended_at, handling=handling)


def omitted(*pauses: Pause, ended: float | None = 60) -> Silencing:
    return planned(*pauses, handling=PauseHandling.OMITTED, ended=ended)


# --- Written over -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("handling", [PauseHandling.SILENCED, PauseHandling.IGNORED, "unheard of"])
def test_silence_is_written_over_the_span_whatever_else_the_provider_says(handling: str) -> None:
    assert planned(pause(12.5, 20), handling=handling) == Silencing(silent=((12_500_000, 20 * SECOND),))


def test_the_calls_end_is_not_needed_where_silence_is_written_over() -> None:
    assert planned(pause(1, 2), ended=None).silent == ((SECOND, 2 * SECOND),)


def test_spans_count_from_the_recordings_beginning_and_are_clipped_there() -> None:
    assert planned(pause(-9, -5), pause(-1, 2)).silent == ((0, 2 * SECOND),)


def test_a_span_never_resumed_runs_to_the_end() -> None:
    assert planned(pause(1, 2), pause(5, None)).silent == ((SECOND, 2 * SECOND), (5 * SECOND, None))


def test_spans_that_overlap_or_touch_are_one() -> None:
    assert planned(pause(5, 7), pause(1, 3), pause(3, 4), pause(6, 6.5)).silent == (
        (SECOND, 4 * SECOND),
        (5 * SECOND, 7 * SECOND),
    )


def test_microseconds_are_exact_where_floats_are_not() -> None:
    late = BEGAN + timedelta(days=1, microseconds=1)
    plan = planned(Pause(paused_at=late, resumed_at=late + timedelta(microseconds=1)))
    assert plan.silent == ((86_400_000_001, 86_400_000_002),)


# --- Left out by the provider -----------------------------------------------------------------------------
def test_what_was_left_out_is_to_be_inserted_where_it_was() -> None:
    plan = omitted(pause(10, 20), pause(30, 35))
    spans = ((10 * SECOND, 20 * SECOND), (30 * SECOND, 35 * SECOND))
    assert plan == Silencing(silent=spans, absent=spans, length=60 * SECOND)


def test_what_the_provider_failed_to_leave_out_is_written_over() -> None:
    plan = omitted(pause(10, 20, error="timeout"), pause(30, 35))
    assert plan.absent == ((30 * SECOND, 35 * SECOND),)
    assert plan.silent == ((10 * SECOND, 20 * SECOND), (30 * SECOND, 35 * SECOND))


def test_an_open_span_that_was_left_out_is_inserted_up_to_the_calls_end() -> None:
    plan = omitted(pause(50, None))
    assert plan.absent == ((50 * SECOND, 60 * SECOND),)
    assert plan.silent == ((50 * SECOND, None),)


def test_nothing_is_inserted_behind_the_calls_end() -> None:
    assert omitted(pause(50, 70), pause(80, 90)).absent == ((50 * SECOND, 60 * SECOND),)


def test_with_what_is_inserted_it_must_last_as_long_as_the_call() -> None:
    plan = omitted(pause(10, 20))
    for seconds in (59.0, 60.0, 61.0):
        check_length(plan, seconds)
    for seconds in (58.99, 61.01):
        with pytest.raises(PausesDoNotFit, match=r"lasts \d+\.\d s, .* it is 60\.0 s"):
            check_length(plan, seconds)


def test_the_length_is_nobodys_business_where_nothing_can_be_left_out() -> None:
    check_length(planned(pause(10, 20)), 5.0)


@pytest.mark.parametrize("handling", PauseHandling.values)
def test_without_the_recordings_beginning_no_span_can_be_placed(handling: str) -> None:
    with pytest.raises(PausesDoNotFit, match="when its recording began is not known"):
        silencing([pause(1, 2)], started_at=None, ended_at=at(60), handling=handling)


def test_without_the_calls_end_nobody_can_tell_whether_something_was_left_out() -> None:
    with pytest.raises(PausesDoNotFit, match="when the call ended is not known"):
        omitted(pause(1, 2), ended=None)


# --- For any pauses ---------------------------------------------------------------------------------------
moments = st.integers(-5, 40)
spans = st.tuples(moments, st.one_of(st.none(), moments)).map(
    lambda span: span if span[1] is None else (min(span), max(span))
)
any_pauses = st.lists(
    st.builds(lambda span, error: pause(*span, error=error), spans, st.sampled_from(["", "no"]))
)


def covers(pauses: list[Pause], second: float) -> bool:
    moment = at(second)
    return any(p.paused_at <= moment and (p.resumed_at is None or moment < p.resumed_at) for p in pauses)


def holds(wanted: tuple[tuple[int, int | None], ...], second: float) -> bool:
    return any(start <= second * SECOND and (end is None or second * SECOND < end) for start, end in wanted)


def is_tidy(wanted: tuple[tuple[int, int | None], ...]) -> bool:
    """Ascending, not empty, not below zero, and neither overlapping nor touching."""
    edges = [edge for start, end in wanted for edge in (start, float("inf") if end is None else end)]
    return edges == sorted(set(edges)) and all(edge >= 0 for edge in edges)


@given(any_pauses, st.sampled_from(PauseHandling.values))
def test_a_moment_is_silent_exactly_where_it_was_paused(pauses: list[Pause], handling: str) -> None:
    plan = planned(*pauses, handling=handling)
    assert is_tidy(plan.silent)
    for half in range(90):
        assert holds(plan.silent, half / 2) == covers(pauses, half / 2)


@given(any_pauses, st.integers(0, 50))
def test_a_moment_is_inserted_exactly_where_the_provider_left_it_out(pauses: list[Pause], ended: int) -> None:
    plan = omitted(*pauses, ended=ended)
    left_out = [each for each in pauses if not each.provider_error]
    assert is_tidy(plan.absent)
    for half in range(90):
        assert holds(plan.absent, half / 2) == (half / 2 < ended and covers(left_out, half / 2))


@given(st.lists(spans))
def test_merging_is_final_and_knows_no_order(some: list[tuple[int, int | None]]) -> None:
    once = merged(some)
    assert merged(once) == merged(reversed(some)) == once
