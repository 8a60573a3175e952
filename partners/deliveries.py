"""Callbacks: owed in the commit that ends a call, sent until the partner's endpoint takes them.

Signed per Standard Webhooks (https://www.standardwebhooks.com): ``webhook-id`` stays the same on every try,
the signature covers id, timestamp and body, and while a secret is rotated both sign.
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from standardwebhooks import Webhook

from partners import outbound
from partners.models import Attempt, Delivery, Partner, SubTenant
from zipingest import work
from zipingest.work import Lease, LeaseLost, WorkState

log = structlog.get_logger(__name__)

CALL_PROCESSED = "call.processed"
TEST = "test"
# A claim takes that many callbacks of one partner and host, and tries them one after the other for that long:
# what has been sent and not yet written down is sent again, with the same id, when its worker is killed.
_AT_ONCE = 50
_SECONDS_AT_ONCE = 0.5


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one try came to; ``error`` is empty when the endpoint took the callback."""

    status: int | None
    error: str
    answer: str
    retry_after: float | None
    started_at: datetime
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class _Try:
    lease: Lease
    delivery: Delivery
    outcome: _Outcome


class _Clock:
    """The database's time, asked for once."""

    def __init__(self) -> None:
        self._began_at = work.database_now()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def now(self) -> datetime:
        return self._began_at + timedelta(seconds=self.seconds)


def register_work() -> None:
    work.register(
        work.Kind(
            model=Delivery,
            perform=deliver,
            give_up=_give_up,
            task="partners.tasks.deliver_callback",
            lane_cap=settings.CALLBACKS_RUNNING_PER_PARTNER,
            target_cap=settings.CALLBACKS_RUNNING_PER_HOST,
            batch=_AT_ONCE,
        )
    )


def owe(
    *,
    partner: Partner,
    sub_tenant: SubTenant | None,
    event: str,
    url: str,
    payload: Mapping[str, Any],
    subject: uuid.UUID | None = None,
    run: int = 1,
    request_id: str = "",
) -> Delivery:
    """Record a callback to ``url``; call it in the transaction that makes it due.

    The ``webhook-id`` is made of subject and run, so the same end of the same run can never be owed twice.
    """
    webhook_id = f"msg_{(subject or uuid.uuid4()).hex}_{run}"
    delivery = Delivery.objects.create(
        webhook_id=webhook_id,
        partner=partner,
        sub_tenant=sub_tenant,
        event=event,
        subject=subject,
        run=run,
        url=url,
        body=json.dumps(payload, separators=(",", ":")),
        request_id=request_id,
        due_at=work.database_now(),
        lane=f"partner:{partner.pk}",
        target=urlsplit(url).netloc.lower()[:300],
    )
    work.nudge(Delivery)
    return delivery


def send_test(*, partner: Partner, url: str) -> Delivery:
    """Owe a callback that says it is a test; it is signed, retried and recorded like any other."""
    payload = {"call_id": None, "status": "test", "message": "This is a test callback from Zipingest."}
    with transaction.atomic():
        return owe(partner=partner, sub_tenant=None, event=TEST, url=url, payload=payload)


def redeliver(*, delivery: Delivery) -> bool:
    """Start a new round of tries of an ended callback, with the same id; False when it has not ended."""
    ended = Delivery.objects.filter(
        pk=delivery.pk, state__in=[WorkState.DONE, WorkState.FAILED, WorkState.POISON]
    )
    with transaction.atomic():
        changed = ended.update(
            state=WorkState.DUE, due_at=work.database_now(), tries=0, expiries=0, last_error=""
        )
        work.nudge(Delivery)
    return bool(changed)


def deliver(leases: Sequence[Lease]) -> None:
    """Try callbacks of one partner once each, for half a second, and write down what came of them.

    What there was no time for is put back. Whatever happens on the way, the tries made are written down.
    """
    deliveries = Delivery.objects.in_bulk([lease.pk for lease in leases])
    secrets = Partner.objects.get(deliveries__pk=leases[0].pk).webhook_secrets()
    clock = _Clock()
    tries: list[_Try] = []
    try:
        with outbound.Line() as line:
            for lease in leases:
                if clock.seconds > _SECONDS_AT_ONCE:
                    _unless_lost(lease.put_back)
                else:
                    tries.append(_try(lease, deliveries[lease.pk], secrets, line, clock))
    finally:
        _record_all(tries, clock)


def _try(
    lease: Lease, delivery: Delivery, secrets: Sequence[str], line: outbound.Line, clock: _Clock
) -> _Try:
    with structlog.contextvars.bound_contextvars(
        request_id=delivery.request_id, webhook_id=delivery.webhook_id
    ):
        outcome = _send(delivery, secrets, line, clock)
        log.info("callback_tried", status=outcome.status, error=outcome.error)
    return _Try(lease, delivery, outcome)


def _send(delivery: Delivery, secrets: Sequence[str], line: outbound.Line, clock: _Clock) -> _Outcome:
    started_at = clock.now()
    try:
        answer = line.post(
            delivery.url,
            body=delivery.body.encode(),
            headers=_headers(delivery, secrets, started_at),
            deadline_seconds=settings.CALLBACK_TIMEOUT_SECONDS,
        )
    except outbound.OutboundError as error:
        duration = (clock.now() - started_at).total_seconds()
        return _Outcome(None, error.reason, "", None, started_at, duration)
    error_text = "" if 200 <= answer.status < 300 else f"the endpoint answered {answer.status}"
    return _Outcome(
        answer.status, error_text, answer.body, answer.retry_after, started_at, answer.duration_seconds
    )


def _headers(delivery: Delivery, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """``at`` is of the database's clock: a receiver refuses what this machine's, set wrongly, would date."""
    signatures = [Webhook(secret).sign(delivery.webhook_id, at, delivery.body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _record_all(tries: Sequence[_Try], clock: _Clock) -> None:
    """Those that were taken in one commit, a commit for each of the others."""
    taken = [one for one in tries if not one.outcome.error]
    others = [one for one in tries if one.outcome.error]
    try:
        _record_taken(taken, clock)
    except LeaseLost:  # of one or more: which ones shows when each is written by itself
        others = list(tries)
    for one in others:
        _unless_lost(partial(_record, one, clock))


def _record_taken(tries: Sequence[_Try], clock: _Clock) -> None:
    by_status: dict[int | None, list[Lease]] = {}
    for one in tries:
        by_status.setdefault(one.outcome.status, []).append(one.lease)
    with transaction.atomic():
        for status, leases in by_status.items():
            work.finish_all(leases, **_facts(status), delivered_at=clock.now())
        Attempt.objects.bulk_create([_attempt(one) for one in tries])


def _record(tried: _Try, clock: _Clock) -> None:
    """The attempt and the delivery's new state, in one commit, and only while the lease is ours."""
    lease, delivery, outcome = tried.lease, tried.delivery, tried.outcome
    facts = _facts(outcome.status)
    steps = settings.CALLBACK_RETRY_STEPS
    with transaction.atomic():
        if not outcome.error:
            lease.finish(**facts, delivered_at=clock.now())
        elif delivery.tries < len(steps):
            delay = _pause(steps[delivery.tries], outcome.retry_after)
            lease.retry(outcome.error, delay=delay, **facts)
        else:
            lease.fail(outcome.error, **facts)
        _attempt(tried).save(force_insert=True)


def _facts(status: int | None) -> dict[str, Any]:
    return {"last_status": status, "tries": F("tries") + 1}


def _attempt(tried: _Try) -> Attempt:
    return Attempt(
        delivery=tried.delivery,
        number=tried.delivery.attempts + 1,
        started_at=tried.outcome.started_at,
        duration_ms=round(tried.outcome.duration_seconds * 1000),
        status=tried.outcome.status,
        error=tried.outcome.error,
        # PostgreSQL holds no NUL in text, and an answer may hold anything.
        answer=tried.outcome.answer.replace("\0", "\ufffd"),
    )


def _unless_lost(write: Callable[[], None]) -> None:
    try:
        write()
    except LeaseLost as lost:
        log.warning("lease_lost", lease=str(lost))


def _pause(step: int, retry_after: float | None) -> float:
    """Seconds to the next try: the step with jitter, or what Retry-After asks for, up to twice the step."""
    if retry_after is not None:
        return min(max(retry_after, 0), 2 * step)
    return step * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not cryptography


def _give_up(lease: Lease, reason: str) -> None:
    lease.fail(reason)
