"""Work items of our own: callbacks whose work is whatever the test says; and the broker's messages."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from queue import Empty
from typing import Any

from celery import current_app
from django.db import connection

from partners import deliveries
from partners.models import Delivery, Partner
from tests.support.factories import provisioned
from zipingest import work
from zipingest.work import Kind, Lease


def owed(partner: Partner | None = None, *, due_in: float = -1, **fields: Any) -> Delivery:
    """A callback row as the product makes it, then changed; ``due_in`` is in seconds from now."""
    delivery = deliveries.owe(
        partner=partner or provisioned().partner,
        sub_tenant=None,
        event=deliveries.TEST,
        url="http://127.0.0.1:9/callback",
        payload={},
    )
    fields = {"due_at": work.database_now() + timedelta(seconds=due_in), **fields}
    Delivery.objects.filter(pk=delivery.pk).update(**fields)
    delivery.refresh_from_db()
    return delivery


def leased(**fields: Any) -> tuple[Delivery, Lease]:
    """A row and the lease on it."""
    delivery = owed(**fields)
    (lease,) = work.claim(kind())
    assert lease.pk == delivery.pk
    return delivery, lease


def claim_one(kind: Kind) -> Lease | None:
    """The lease on the one row that is claimed; None where none can be."""
    return next(iter(work.claim(kind)), None)


def overdue(lease: Lease) -> None:
    """The lease as it stands once its worker has been silent for too long."""
    held = Delivery.objects.filter(pk=lease.pk, lease_epoch=lease.epoch)
    assert held.update(lease_until=work.database_now() - timedelta(seconds=1))


def kind(
    perform: Callable[[Lease], None] = Lease.finish,
    give_up: Callable[[Lease, str], None] = Lease.fail,
    *,
    lane_cap: int = 100,
    target_cap: int = 100,
    batch: int = 1,
) -> Kind:
    return Kind(
        model=Delivery,
        perform=work.each(perform),
        give_up=give_up,
        task="partners.tasks.deliver_callback",
        lane_cap=lane_cap,
        target_cap=target_cap,
        batch=batch,
    )


@contextmanager
def working_on_callbacks(**options: Any) -> Iterator[None]:
    """``work.run_one(Delivery)`` does what ``kind(**options)`` says."""
    (real,) = [registered for registered in work.kinds() if registered.model is Delivery]
    work.register(kind(**options))
    try:
        yield
    finally:
        work.register(real)


def in_threads(count: int, job: Callable[[], Any]) -> list[Any]:
    """What ``job`` gave in each of ``count`` threads that begin together, each with its own connection."""
    results: list[Any] = []
    together = threading.Barrier(count)

    def run() -> None:
        try:
            connection.ensure_connection()
            together.wait(10)
            results.append(job())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == count, "a thread raised; its traceback is above"
    return results


def messages(queue: str) -> list[str]:
    """The names of the tasks whose messages lie in the real broker's ``queue``, which is empty afterwards."""
    found = []
    with current_app.connection_for_read() as broker, broker.SimpleQueue(queue) as waiting:
        while True:
            try:
                message = waiting.get(block=False)
            except Empty:
                return found
            found.append(message.headers["task"])
            message.ack()
