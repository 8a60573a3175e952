"""Callbacks: owed in the commit that ends a call, sent until the partner's endpoint takes them.

Signed per Standard Webhooks (https://www.standardwebhooks.com): ``webhook-id`` stays the same on every try,
the signature covers id, timestamp and body, and while a secret is rotated both sign.
"""

import json
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
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
from zipingest.work import Lease, WorkState

log = structlog.get_logger(__name__)

CALL_PROCESSED = "call.processed"
TEST = "test"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one try came to; ``error`` is empty when the endpoint took the callback."""

    status: int | None
    error: str
    answer: str
    retry_after: float | None
    started_at: datetime
    duration_seconds: float


def register_work() -> None:
    work.register(
        work.Kind(
            model=Delivery,
            perform=deliver,
            give_up=_give_up,
            task="partners.tasks.deliver_callback",
            lane_cap=settings.CALLBACKS_RUNNING_PER_PARTNER,
            target_cap=settings.CALLBACKS_RUNNING_PER_HOST,
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


def deliver(lease: Lease) -> None:
    """Try a callback once and write down what came of it."""
    delivery = Delivery.objects.select_related("partner").get(pk=lease.pk)
    with structlog.contextvars.bound_contextvars(
        request_id=delivery.request_id, webhook_id=delivery.webhook_id
    ):
        outcome = _send(delivery)
        _record(lease, delivery, outcome)
        log.info("callback_tried", status=outcome.status, error=outcome.error)


def _send(delivery: Delivery) -> _Outcome:
    started_at = work.database_now()
    try:
        answer = outbound.post(
            delivery.url,
            body=delivery.body.encode(),
            headers=_headers(delivery),
            deadline_seconds=settings.CALLBACK_TIMEOUT_SECONDS,
        )
    except outbound.OutboundError as error:
        duration = (work.database_now() - started_at).total_seconds()
        return _Outcome(None, error.reason, "", None, started_at, duration)
    error_text = "" if 200 <= answer.status < 300 else f"the endpoint answered {answer.status}"
    return _Outcome(
        answer.status, error_text, answer.body, answer.retry_after, started_at, answer.duration_seconds
    )


def _headers(delivery: Delivery) -> dict[str, str]:
    now = datetime.now(UTC)
    signatures = [
        Webhook(secret).sign(delivery.webhook_id, now, delivery.body)
        for secret in delivery.partner.webhook_secrets()
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _record(lease: Lease, delivery: Delivery, outcome: _Outcome) -> None:
    """The attempt and the delivery's new state, in one commit, and only while the lease is ours."""
    facts = {"last_status": outcome.status, "tries": F("tries") + 1}
    steps = settings.CALLBACK_RETRY_STEPS
    with transaction.atomic():
        if not outcome.error:
            lease.finish(**facts, delivered_at=work.database_now())
        elif delivery.tries < len(steps):
            delay = _pause(steps[delivery.tries], outcome.retry_after)
            lease.retry(outcome.error, delay=delay, **facts)
        else:
            lease.fail(outcome.error, **facts)
        Attempt.objects.create(
            delivery=delivery,
            number=delivery.attempts + 1,
            started_at=outcome.started_at,
            duration_ms=round(outcome.duration_seconds * 1000),
            status=outcome.status,
            error=outcome.error,
            # PostgreSQL holds no NUL in text, and an answer may hold anything.
            answer=outcome.answer.replace("\0", "\ufffd"),
        )


def _pause(step: int, retry_after: float | None) -> float:
    """Seconds to the next try: the step with jitter, or what Retry-After asks for, up to twice the step."""
    if retry_after is not None:
        return min(max(retry_after, 0), 2 * step)
    return step * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not cryptography


def _give_up(lease: Lease, reason: str) -> None:
    lease.fail(reason)
