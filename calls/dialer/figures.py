"""What calls yet to be made add to the figures of the house."""

from datetime import datetime, timedelta

from calls import figures
from calls.dialer.models import Blocked, LogStatus, PhoneLog
from calls.figures import Gauge

# A call's end is known within hours of its beginning, and ids grow with those.
_MOST_CALLS = 50_000
_LATELY = timedelta(days=1)


def register() -> None:
    unknown = "Contacts of the last day whose call has an unknown outcome: a person has to decide."
    figures.register(Gauge("dialer_unknown_outcomes", unknown, unknown_outcomes))
    figures.register(Gauge("dialer_last_call_seconds", "Since a call was begun last.", since_last_call))


def unknown_outcomes(now: datetime) -> float:
    """Of the newest calls: those that ended unknown within a day, and whose contact still waits."""
    last = PhoneLog.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    newest = PhoneLog.objects.filter(pk__gt=last - _MOST_CALLS, ended_at__gt=now - _LATELY)
    waiting = newest.filter(status=LogStatus.UNKNOWN, contact__blocked_by=Blocked.UNKNOWN)
    return waiting.values("contact").distinct().count()


def since_last_call(now: datetime) -> float | None:
    """Seconds; None where none was ever begun."""
    last = PhoneLog.objects.order_by("-pk").values_list("begun_at", flat=True).first()
    return None if last is None else max((now - last).total_seconds(), 0)
