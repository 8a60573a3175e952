"""The console's start page: how the house does, drawn on the server."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest

from calls import figures, reasons
from calls.figures import Callbacks, Work
from zipingest import work

PERIOD = timedelta(hours=24)
HOURS = 24
# The picture's own units; it is scaled to the width there is.
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 200, 44, 20
_TONES = {
    "completed": "success",
    "queued": "warning",
    "fetching": "info",
    "processing": "info",
    "failed": "danger",
}
_KEY = {"success": "completed", "info": "at work", "warning": "waiting", "danger": "failed"}
# From how many seconds on an age is worth a look, and from how many it is bad.
_AGES = (60, 600)


@dataclass(frozen=True, slots=True)
class Piece:
    """One rectangle of the bars, in the picture's units."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar; ``share`` of its full length in percent."""

    label: str
    value: str
    share: float
    tone: str = ""


def figures_of(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds what whoever asks may see."""
    since = work.database_now() - PERIOD
    if request.user.has_perm("calls.view_call"):
        context |= {
            "calls_picture": _calls_picture(since),
            "work_bars": [_work_bar(one) for one in figures.work_by_kind()],
            "failure_bars": _failure_bars(figures.fetch_failures(since)),
        }
    if request.user.has_perm("partners.view_delivery"):
        context["callbacks"] = [_callback_row(one) for one in figures.callbacks_by_partner(since)]
    return context


def _calls_picture(since: datetime) -> dict[str, Any]:
    per_hour = figures.calls_per_hour(since)
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [first + timedelta(hours=number) for number in range(HOURS + 1)]
    top = _round_up(max((counts.total() for counts in per_hour.values()), default=0))
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "pieces": [
            piece
            for number, hour in enumerate(hours)
            for piece in _column(number, hour, per_hour.get(hour, Counter()), top)
        ],
        "lines": [{"y": _y(top * part / 4, top), "label": f"{top * part // 4:,}"} for part in range(5)],
        "marks": [
            {"x": _x(number) + _step() / 2, "label": f"{hour:%H}:00"}
            for number, hour in enumerate(hours)
            if hour.hour % 4 == 0
        ],
        "left": LEFT,
        "totals": _totals(per_hour),
    }


def _column(number: int, hour: datetime, counts: Counter[str], top: int) -> Iterator[Piece]:
    """One hour: its states upon each other, the finished ones at the bottom."""
    below = 0
    for tone, counted in _by_tone(counts).items():
        if counted:
            title = f"{hour:%Y-%m-%d %H}:00, {_KEY[tone]}: {counted:,}"
            upper, lower = _y(below + counted, top), _y(below, top)
            yield Piece(_x(number), upper, round(_step() * 0.8, 1), round(lower - upper, 1), tone, title)
            below += counted


def _by_tone(counts: Mapping[str, int]) -> dict[str, int]:
    by_tone = dict.fromkeys(_KEY, 0)
    for state, count in counts.items():
        by_tone[_TONES[state]] += count
    return by_tone


def _totals(per_hour: Mapping[datetime, Counter[str]]) -> list[dict[str, Any]]:
    together = _by_tone(sum(per_hour.values(), Counter()))
    return [{"tone": tone, "name": _KEY[tone], "count": count} for tone, count in together.items()]


def _step() -> float:
    return (WIDTH - LEFT) / (HOURS + 1)


def _x(number: int) -> float:
    return round(LEFT + number * _step(), 1)


def _y(count: float, top: int) -> float:
    return round((HEIGHT - BOTTOM) - (HEIGHT - BOTTOM - 10) * count / top, 1)


def _round_up(count: int) -> int:
    """The next number that divides into four even parts: 4, 8, 20, 40, 80, 200, …"""
    scale = 1
    while True:
        for part in (4, 8, 20):
            if count <= part * scale:
                return part * scale
        scale *= 10


def _work_bar(one: Work) -> Bar:
    good, bad = _AGES
    age = one.oldest_seconds
    tone = "danger" if age >= bad else "warning" if age >= good else "success"
    due = f"{one.due:,}" if one.due < figures.MOST_COUNTED else f"{one.due:,} or more"
    value = f"{_age(age)}; {due} waiting, {one.leased:,} running"
    return Bar(f"{one.kind}s".capitalize(), value, min(100 * age / bad, 100), tone)


def _age(seconds: float) -> str:
    if seconds < 1:
        return "nothing overdue"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _failure_bars(failures: Counter[str]) -> list[Bar]:
    most = max(failures.values(), default=1)
    return [
        Bar(reasons.in_words(code), f"{count:,}", 100 * count / most, "danger")
        for code, count in failures.most_common(12)
    ]


def _callback_row(one: Callbacks) -> dict[str, Any]:
    rate = one.success_rate
    tone = "success" if rate >= 0.99 else "warning" if rate >= 0.95 else "danger"
    return {"figures": one, "bar": Bar(one.partner, f"{100 * rate:.1f} %", 100 * rate, tone)}
