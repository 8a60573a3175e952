"""Reads that more than one door needs."""

from datetime import datetime, timedelta

from django.db.models import Count, F, Q, QuerySet

from exports.models import ExportEntry, ExportJob
from partners.models import SubTenant
from zipingest.work import WorkState


def exports_of(sub_tenant: SubTenant) -> QuerySet[ExportJob]:
    """The account's exports, newest first."""
    return ExportJob.objects.filter(sub_tenant=sub_tenant).order_by("-pk")


def ahead_of(job: ExportJob) -> int:
    """How many exports of the account wait longer than this one, or run."""
    lane = ExportJob.objects.filter(lane=job.lane)
    waiting = lane.filter(state=WorkState.DUE, due_at__lt=job.due_at)
    return waiting.count() + lane.filter(state=WorkState.LEASED).count()


def left_out_of(job: ExportJob) -> QuerySet[ExportEntry]:
    """The entries that the ZIP does not hold, in the order of the manifest."""
    return job.entries.exclude(left_out="").order_by("position")


def reasons_of(job: ExportJob) -> list[tuple[str, int]]:
    """Why calls were left out, with how many each, the most frequent first."""
    counted = left_out_of(job).order_by().values_list("left_out").annotate(number=Count("pk"))
    return [(reason, number) for reason, number in counted.order_by("-number", "left_out")]


def to_be_told(now: datetime, within: timedelta) -> QuerySet[ExportJob]:
    """Exports that ended within that time, and whose orderer waits for a mail about it, oldest first.

    Cancelled ones and ZIPs that were given up are nothing to tell of; nor is somebody told who has no
    address, or does not belong to the account any more.
    """
    ready = Q(state=WorkState.DONE, completed_at__gt=now - within)
    failed = Q(state__in=[WorkState.FAILED, WorkState.POISON], failed_at__gt=now - within)
    waiting = ExportJob.objects.filter(tell=True, told_at__isnull=True)
    people = Q(user__is_active=True, user__sub_tenant=F("sub_tenant")) & ~Q(user__email="")
    ended = waiting.filter(ready | failed, people, cancelled_at__isnull=True, expired_at__isnull=True)
    return ended.select_related("user").order_by("pk")
