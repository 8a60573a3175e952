"""Telling by mail whoever asked for it that an export has ended."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import get_connection, send_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from exports import selectors, words
from exports.models import ExportJob, ExportStatus
from zipingest import work

log = structlog.get_logger(__name__)

# For so long a mail server that is away, or refuses, is tried again.
KEEP_TRYING_FOR = timedelta(days=1)
_MOST_AT_ONCE = 100


def tell_ended() -> int:
    """Mail everybody who waits for it that their export is ready or has failed; how many were told.

    Each is claimed before it is sent, so that nobody gets two; what the mail server does not take is put
    back for the next sweep. Runs outside a transaction.
    """
    jobs = list(selectors.to_be_told(work.database_now(), KEEP_TRYING_FOR)[:_MOST_AT_ONCE])
    if not jobs:
        return 0
    server = get_connection()
    try:
        server.open()
    except OSError as error:  # SMTPException is one
        log.warning("mail_server_away", waiting=len(jobs), error=str(error))
        return 0
    with closing(server):
        return sum(_tell(job, server) for job in jobs)


def in_words(job: ExportJob) -> str:
    """For our own staff: whether a mail is wanted, and what has come of it."""
    if not job.tell:
        return "not wanted"
    if job.told_at:
        return f"sent on {words.moment(job.told_at)}"
    if job.cancelled_at:
        return "none, as it was cancelled"
    ended_at = job.completed_at or job.failed_at
    if not job.has_ended or ended_at is None:
        return "when it has ended"
    until = ended_at + KEEP_TRYING_FOR
    if until > work.database_now():
        return f"not sent yet; tried until {words.moment(until)}"
    return "given up: the mail server did not take it for a day"


def _tell(job: ExportJob, server: BaseEmailBackend) -> bool:
    now = work.database_now()
    if not ExportJob.objects.filter(pk=job.pk, told_at__isnull=True).update(told_at=now):
        return False
    try:
        _send(job, server)
    except (OSError, ValueError) as error:  # refused; or the address is none
        log.warning("export_not_told", export=job.public_id, error=str(error))
        ExportJob.objects.filter(pk=job.pk, told_at=now).update(told_at=None)
        return False
    log.info("export_told", export=job.public_id)
    return True


def _send(job: ExportJob, server: BaseEmailBackend) -> None:
    assert job.user is not None, "told are people"
    with timezone.override(UTC):
        subject, text = _mail(job)
    send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [job.user.email], connection=server)


def _mail(job: ExportJob) -> tuple[str, str]:
    """Subject and text."""
    link = f"{settings.PUBLIC_URL}{reverse('exports-job', args=[job.public_id])}"
    what = f"What: {words.asked([job])[job.pk]}"
    if job.status == ExportStatus.FAILED:
        subject, opening = "Your export failed", "could not be packed"
        lines = [what, f"Why: {job.error_message}", "", "See it, or try it again:", link]
    else:
        subject, opening = f"Your export is ready: {_files(job)}", "is ready"
        until = f"It can be downloaded until {_utc(job.expires_at)}."
        lines = [what, *_inside(job), "", "Download it:", link, "", until]
    opening = f"The export that you asked for on {_utc(job.created_at)} {opening}."
    return subject, "\n".join([opening, "", *lines, ""])


def _inside(job: ExportJob) -> list[str]:
    size = filesizeformat(job.zip_bytes or 0).replace("\N{NO-BREAK SPACE}", " ")
    held = f"In it: {_files(job)} ({size})"
    reasons = words.left_out(job.expired or 0, job.missing or 0)
    return [held, f"Left out: {reasons}" if reasons else "Nothing was left out."]


def _files(job: ExportJob) -> str:
    return words.counted(job.included or 0, "recording")


def _utc(when: datetime) -> str:
    return f"{words.moment(when)} UTC"
