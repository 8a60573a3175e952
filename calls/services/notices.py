"""Telling networks by mail of recordings that could not be had: gathered, one mail in a quarter of an hour.

The commit that ends a recording as failed owes the notice. Who tells an account claims it by the time of its
last mail, so that of two workers one sends; and marks the notices once the mail server has taken the mail, so
that a worker who dies in between costs a repeated mail and never a lost one.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse

from calls.models import FailureNotice, Network, Recording, Source, Stage
from calls.services.recordings import FAILED
from zipingest import bulk, work

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=15)
# An outage begins with many failures: the first mail waits so long for its fellows.
GATHERED_FOR = timedelta(minutes=1)
MOST_LISTED = 50
_ACCOUNTS_AT_ONCE = 100
_MOST_COUNTED = 20_000

_UNTOLD = Q(told_at__isnull=True)
# Still failed in that run: neither stored meanwhile nor being tried again (which would owe a notice of its
# own), nor erased.
_STANDS = Q(recording__run=F("run"), recording__state__in=FAILED, recording__purged_at__isnull=True)


def owe(recording: Recording, now: datetime) -> None:
    """Owe its network a notice that this run has failed; part of the commit that ends it (network spec).

    Accounts without a notification address are owed none.
    """
    call = recording.call
    if call.source != Source.NETWORK:
        return
    if not Network.objects.filter(sub_tenant=call.sub_tenant_id).exclude(notify="").exists():
        return
    FailureNotice.objects.create(
        recording=recording,
        sub_tenant_id=call.sub_tenant_id,
        run=recording.run,
        reason=recording.last_error,
        failed_at=now,
    )


def tell() -> int:
    """Mail every account whose turn it is what has failed; how many mails were sent.

    While the mail server is away, or there is none, nothing is claimed. Runs outside a transaction.
    """
    now = work.database_now()
    FailureNotice.objects.filter(_UNTOLD).exclude(_STANDS).update(told_at=now)
    networks = list(_to_be_told(now)[:_ACCOUNTS_AT_ONCE])
    server = _open_server(len(networks)) if networks else None
    if server is None:
        return 0
    with closing(server):
        return sum(_tell(network, server, now) for network in networks)


def untold() -> int:
    """How many notices wait to be told; counting ends at 20,000."""
    return FailureNotice.objects.filter(_UNTOLD).order_by()[:_MOST_COUNTED].count()


def _to_be_told(now: datetime) -> QuerySet[Network]:
    """Not mailed for a quarter of an hour, and with something to be told; who waits longest first."""
    gathered = FailureNotice.objects.filter(
        _UNTOLD, _STANDS, sub_tenant=OuterRef("sub_tenant"), failed_at__lte=now - GATHERED_FOR
    )
    rested = Q(notified_at__isnull=True) | Q(notified_at__lte=now - EVERY)
    networks = Network.objects.filter(rested, Exists(gathered)).exclude(notify="")
    longest_first = (F("notified_at").asc(nulls_first=True), "pk")
    return networks.select_related("sub_tenant__tenant").order_by(*longest_first)


def _open_server(waiting: int) -> BaseEmailBackend | None:
    if not settings.SENDS_MAIL:
        log.warning("failures_not_told", waiting=waiting, error="no mail server is set (EMAIL_HOST)")
        return None
    server = get_connection()
    try:
        server.open()
    except OSError as error:  # SMTPException is one
        log.warning("mail_server_away", waiting=waiting, error=type(error).__name__)
        return None
    return server


def _tell(network: Network, server: BaseEmailBackend, now: datetime) -> bool:
    if not _claim(network, now):
        return False
    standing = FailureNotice.objects.filter(_UNTOLD, _STANDS, sub_tenant=network.sub_tenant_id)
    # Named one by one: what commits meanwhile may have a lower id than these, and is not in the mail.
    found = list(standing.order_by("id").values_list("pk", "recording__call__started_at"))
    if not found:
        return False
    pks, starts = zip(*found, strict=True)
    try:
        _mail(network, pks, starts, server).send()
    except (OSError, ValueError) as error:  # refused; or the address is none
        log.warning("failures_not_told", network=network.pk, error=type(error).__name__)
        return False
    bulk.update_rows(FailureNotice, "id", ("told_at",), [(pk, now) for pk in pks])
    log.info("failures_told", network=network.pk, count=len(pks))
    return True


def _claim(network: Network, now: datetime) -> bool:
    """Whether it is for us to mail the account; False where another worker has, since it was read."""
    unchanged = Network.objects.filter(pk=network.pk, notified_at=network.notified_at)
    return bool(unchanged.update(notified_at=now))


# --- The mail ---------------------------------------------------------------------------------------------
def _mail(
    network: Network, pks: Sequence[int], starts: Sequence[datetime], server: BaseEmailBackend
) -> EmailMessage:
    """Nobody's number or name, and of the URLs nothing but what the reason says: mail travels far."""
    listed = list(_with_calls(pks[:MOST_LISTED]))
    number = f"{len(pks):,} recording{'s' if len(pks) > 1 else ''}"
    since = min(notice.failed_at for notice in listed)
    more = [f"and {len(pks) - len(listed):,} more", ""] if len(pks) > len(listed) else []
    lines = [
        f"Failed since {_clock(since, network)}: {number}.",
        f"Account: {network.sub_tenant}. Times are in {network.time_zone}.",
        "",
        *(line for notice in listed for line in (*_lines(notice, network), "")),
        *more,
        "All calls of these days, the failed ones among them:",
        _library(min(starts), max(starts), network),
        "",
    ]
    return EmailMessage(f"{number} failed", "\n".join(lines), to=[network.notify], connection=server)


def _with_calls(pks: Sequence[int]) -> QuerySet[FailureNotice]:
    notices = FailureNotice.objects.filter(pk__in=pks).order_by("id")
    return notices.select_related("recording__call").defer("recording__peaks")


def _lines(notice: FailureNotice, network: Network) -> tuple[str, ...]:
    call = notice.recording.call
    done = "processed" if notice.recording.stage == Stage.PROCESSING else "fetched"
    # The id is the sender's, and must not look like lines of ours.
    name = " ".join(str(call).split())
    return (
        f"{name}, call of {_clock(call.started_at, network)}",
        f"  Not {done}: {notice.reason}",
        f"  {settings.PUBLIC_URL}{reverse('library-call', args=[call.uuid])}",
    )


def _library(first: datetime, last: datetime, network: Network) -> str:
    days = {"date_from": _local(first, network).date(), "date_to": _local(last, network).date()}
    return f"{settings.PUBLIC_URL}{reverse('library')}?{urlencode(days)}"


def _clock(when: datetime, network: Network) -> str:
    return f"{_local(when, network):%Y-%m-%d %H:%M}"


def _local(when: datetime, network: Network) -> datetime:
    """As the account's people read the clock."""
    return when.astimezone(network.zone)
