"""Telling the people of an account of a recording that has been paused for too long (telesales spec)."""

from datetime import datetime, timedelta
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Count, DateTimeField, ExpressionWrapper, F, QuerySet, Value
from django.db.models.functions import Coalesce

from calls.models import Pause, Source
from partners.models import Role, User
from zipingest import work

log = structlog.get_logger(__name__)

# The index of what nobody was told of holds every short pause there ever was: only so far back is looked.
_LOOKED_BACK = timedelta(days=2)
_AT_ONCE = 100


def tell_of_overlong() -> int:
    """Mark, log and mail every pause of PAUSE_ALERT_SECONDS or more, once each; how many there were."""
    now = work.database_now()
    found = list(overlong(now).filter(alerted_at__isnull=True)[:_AT_ONCE])
    return sum(_tell(pause, now) for pause in found)


def overlong(now: datetime) -> QuerySet[Pause]:
    """Pauses of the last two days that lasted too long, or do so still; an open one ends with its call."""
    limit = timedelta(seconds=settings.PAUSE_ALERT_SECONDS)
    until = Coalesce("resumed_at", "call__ended_at", Value(now, DateTimeField()))
    latest = ExpressionWrapper(F("paused_at") + limit, DateTimeField())
    recent = Pause.objects.filter(paused_at__gt=now - limit - _LOOKED_BACK, paused_at__lte=now - limit)
    return (
        recent.alias(until=until).filter(until__gte=latest).select_related("call__sub_tenant", "call__agent")
    )


def counts() -> dict[str, int]:
    """How many recordings are paused now, and of how many of these somebody was told.

    Asked of the calls in progress, which are few: pauses that nobody has ended are kept for ever.
    """
    paused = Pause.objects.filter(
        resumed_at__isnull=True, call__source=Source.LIVE, call__ended_at__isnull=True
    )
    return paused.aggregate(open=Count("pk"), overlong=Count("alerted_at"))


def _tell(pause: Pause, now: datetime) -> bool:
    """False where another worker does it. The mark is committed first: better no mail than two."""
    if not Pause.objects.filter(pk=pause.pk, alerted_at__isnull=True).update(alerted_at=now):
        return False
    log.warning("pause_overlong", call=str(pause.call.uuid), pause=pause.pk, resumed=bool(pause.resumed_at))
    recipients = _recipients(pause)
    if recipients:
        _send(_mail(pause, recipients))
    return True


def _recipients(pause: Pause) -> list[str]:
    leaders = User.objects.filter(
        sub_tenant=pause.call.sub_tenant_id, role__in=[Role.ADMIN, Role.SUPERVISOR], is_active=True
    )
    return list(leaders.exclude(email="").order_by("pk").values_list("email", flat=True))


def _mail(pause: Pause, recipients: list[str]) -> EmailMessage:
    """Nobody's number or name but the agent's: mail travels far."""
    call = pause.call
    agent = f" of {call.agent}" if call.agent else ""
    lasted = f"until {pause.resumed_at:%H:%M:%S} UTC" if pause.resumed_at else "and was not resumed"
    text = (
        f"The recording of a call{agent} was paused at {pause.paused_at:%Y-%m-%d %H:%M:%S} UTC {lasted}.\n"
        f"What is said while it is paused is not in the recording.\n\n"
        f"Account: {call.sub_tenant}\nCall: {call.uuid}\n{settings.PUBLIC_URL}/live\n"
    )
    return EmailMessage("Recording paused for long", text, to=recipients)


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except (OSError, SMTPException) as error:
        log.warning("mail_not_sent", error=type(error).__name__)
