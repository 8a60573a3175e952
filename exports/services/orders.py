"""Ordering an export: what it would hold, and the job that pins it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet, Sum, Value, Window
from django.db.models.functions import RowNumber

from calls import keeping, selectors
from calls.filters import RecordingFilter
from calls.models import Call
from calls.services import audit
from exports.columns import Columns
from exports.models import ExportEntry, ExportJob, ExportStatus
from partners.models import SubTenant
from zipingest import work

_ENTRY_COLUMNS = ("job_id", "position", "call_id", "left_out")


@dataclass(frozen=True, slots=True)
class Estimate:
    """``matched`` calls, of which ``files`` recordings of ``bytes`` altogether can be included now.

    ``expired``: those whose recording is past its window or was given up.
    """

    matched: int
    files: int
    bytes: int
    expired: int

    @property
    def missing(self) -> int:
        """Those whose recording was never stored, or not yet."""
        return self.matched - self.files - self.expired


class NothingToExport(Exception):
    """No matched call has a recording that may be given out."""


class NotReady(Exception):
    """Only of an export that was packed can be told what it could not include."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Who orders which calls; ``criteria`` says in the request's words how they were found.

    Where they have ``include_signals``, the manifest gets the account's signals and custom data as columns.

    ``tell``: whether they want a mail when it has ended, which takes a person with an address.
    """

    actor: audit.Actor
    sub_tenant: SubTenant
    calls: QuerySet[Call]
    criteria: Mapping[str, Any]
    tell: bool = False
    supplements: ExportJob | None = None

    @property
    def to_be_told(self) -> bool:
        return self.tell and self.actor.user is not None and bool(self.actor.user.email)

    @property
    def columns(self) -> Sequence[tuple[str, int, str]]:
        """The further ones of its manifest; a supplement's are those of the export it completes."""
        if self.supplements:
            return Columns.read(self.supplements.manifest_columns).stored()
        return Columns.of_account(self.sub_tenant).stored() if self.criteria.get("include_signals") else ()


def order(
    *, actor: audit.Actor, wanted: RecordingFilter, criteria: Mapping[str, Any], tell: bool = False
) -> ExportJob:
    """Order the recordings that ``wanted`` matches. Raises NothingToExport, and then nothing was ordered.

    ``criteria`` are the body of such an order, ``include_signals`` among them.
    """
    return _place(_Order(actor, wanted.sub_tenant, selectors.matching(wanted), criteria, tell))


def order_calls(
    *,
    actor: audit.Actor,
    sub_tenant: SubTenant,
    uuids: Sequence[UUID],
    include_signals: bool = False,
    tell: bool = False,
) -> ExportJob:
    """Order the recordings of these calls of the account. Raises NothingToExport."""
    calls = Call.objects.filter(sub_tenant=sub_tenant, uuid__in=uuids)
    criteria: dict[str, Any] = {"uuids": [str(uuid) for uuid in uuids]}
    if include_signals:
        criteria["include_signals"] = True
    return _place(_Order(actor, sub_tenant, calls, criteria, tell))


def order_supplement(*, actor: audit.Actor, job: ExportJob, tell: bool = False) -> ExportJob:
    """Order what the ZIP of ``job`` could not include. Raises NotReady, NothingToExport."""
    if job.status not in (ExportStatus.READY, ExportStatus.EXPIRED) or job.included is None:
        raise NotReady
    left_out = job.entries.exclude(left_out="").values("call")
    calls = Call.objects.filter(sub_tenant=job.sub_tenant, pk__in=left_out)
    criteria = {"supplement_of": job.public_id}
    return _place(_Order(actor, job.sub_tenant, calls, criteria, tell, supplements=job))


def estimate(calls: QuerySet[Call], sub_tenant: SubTenant, now: datetime) -> Estimate:
    """In one statement, over the index that finds the calls."""
    available, expired = keeping.available(sub_tenant, now), _expired(sub_tenant, now)
    found = calls.order_by().aggregate(
        matched=Count("pk"),
        files=Count("pk", filter=available),
        bytes=Sum("recording__bytes", filter=available, default=0),
        expired=Count("pk", filter=expired),
    )
    return Estimate(**found)


def _expired(sub_tenant: SubTenant, now: datetime) -> Q:
    given_up = Q(recording__purged_at__isnull=False)
    limit = keeping.expired_from(sub_tenant, now)
    return given_up if limit is None else given_up | (Q(recording__kept_from__lte=limit) & ~Q(keeping.held()))


@transaction.atomic
def _place(order: _Order) -> ExportJob:
    now = work.database_now()
    expected = estimate(order.calls, order.sub_tenant, now)
    if not expected.files:
        raise NothingToExport
    job = ExportJob.objects.create(
        public_id=f"exp_{secrets.token_hex(12)}",
        sub_tenant=order.sub_tenant,
        requested_by=order.actor.name,
        user=order.actor.user,
        criteria=order.criteria,
        manifest_columns=order.columns,
        supplements=order.supplements,
        request_id=order.actor.request_id,
        tell=order.to_be_told,
        entries_total=expected.matched,
        estimated_files=expected.files,
        estimated_bytes=expected.bytes,
        created_at=now,
        expires_at=now + timedelta(days=settings.EXPORT_KEPT_DAYS),
        due_at=now,
        lane=f"sub_tenant:{order.sub_tenant.pk}",
    )
    _pin(job, order.calls)
    audit.note_export(actor=order.actor, sub_tenant=order.sub_tenant, export=job.public_id)
    work.nudge(ExportJob)
    return job


def _pin(job: ExportJob, calls: QuerySet[Call]) -> None:
    """Write the selection down in one statement that moves no row through this process."""
    selected = calls.order_by("started_at", "pk").values_list(
        Value(job.pk), Window(RowNumber(), order_by=[F("started_at"), F("pk")]), "pk", Value("")
    )
    query, parameters = selected.query.sql_with_params()
    table = connection.ops.quote_name(ExportEntry._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(_ENTRY_COLUMNS)}) {query}", parameters)
        # Counted and pinned by two statements: what came in between is in the second only.
        if cursor.rowcount != job.entries_total:
            ExportJob.objects.filter(pk=job.pk).update(entries_total=cursor.rowcount)
