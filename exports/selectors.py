"""Reads that more than one door needs."""

from django.db.models import QuerySet

from exports.models import ExportJob
from partners.models import SubTenant


def exports_of(sub_tenant: SubTenant) -> QuerySet[ExportJob]:
    """The account's exports, newest first."""
    return ExportJob.objects.filter(sub_tenant=sub_tenant).order_by("-pk")
