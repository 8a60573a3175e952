"""Calls of a network without HTTP, and recordings of theirs that have failed."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from calls.drafts import CallDraft, CustomerDraft
from calls.models import Call, Direction, FailureNotice, Network, Recording, Source
from calls.services import notices
from calls.services.ingest import Origin, ingest_batch
from tests.support.network import Networked
from tests.support.smtp import MailServer, mail_server
from zipingest import work
from zipingest.work import WorkState

STARTED_AT = datetime(2026, 6, 1, 16, 30, tzinfo=UTC)
PHONE, AGENTS_PHONE = "+18779257384", "+19093900003"


def take_in(network: Networked, *urls: str, **fields: Any) -> list[Call]:
    """A call per recording, in one request; ``fields`` are those of CallDraft."""
    origin = Origin(partner=network.partner, sub_tenant=network.sub_tenant, source=Source.NETWORK)
    given = {
        "external_id": uuid.uuid4().hex,
        "started_at": STARTED_AT,
        "ended_at": None,
        "customer_phone": PHONE,
        "our_phone": AGENTS_PHONE,
        "direction": Direction.INBOUND,
        "customer": CustomerDraft(PHONE),
        **fields,
    }
    names = [given.pop("external_id")]
    names += [f"{names[0]}-{number}" for number in range(2, len(urls) + 1)]
    drafts = [
        CallDraft(external_id=name, recording_url=url, **given) for name, url in zip(names, urls, strict=True)
    ]
    pks = [item.call_id for item in ingest_batch(origin=origin, drafts=drafts).items]
    found = Call.objects.select_related("recording").in_bulk(pks)
    return [found[pk] for pk in pks]


def fail(*calls: Call, reason: str = "the server answered 404 Not Found", at: datetime | None = None) -> None:
    """Let the present run of each recording have ended as failed (a minute and more ago)."""
    at = at or work.database_now() - notices.GATHERED_FOR
    failed = Recording.objects.filter(call__in=calls)
    failed.update(state=WorkState.FAILED, last_error=reason, completed_at=at)
    for recording in failed.select_related("call").order_by("call_id"):
        notices.owe(recording, at)


def failed(network: Networked, number: int = 1, **options: Any) -> list[Call]:
    """So many calls whose recordings have failed."""
    calls = take_in(network, *[f"https://recordings.example.com/{n}.wav" for n in range(number)])
    fail(*calls, **options)
    return calls


def untold() -> set[Call]:
    """The calls whose notices wait."""
    waiting = FailureNotice.objects.filter(told_at__isnull=True).select_related("recording__call")
    return {notice.recording.call for notice in waiting}


def rest(network: Networked, since: timedelta = notices.EVERY) -> None:
    """Let so much time have passed since the account's last mail."""
    Network.objects.filter(pk=network.network.pk).update(notified_at=work.database_now() - since)


@contextmanager
def mailing(settings: Any) -> Iterator[MailServer]:
    """The house mails by a server of the test's own."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "zipingest@hub.example"
    settings.PUBLIC_URL = "https://hub.example"
    with mail_server() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


def text_of(mail: EmailMessage) -> str:
    return mail.get_content().replace("\r\n", "\n")
