"""The two groups of our own staff. Each migrate puts their permissions back to what stands here."""

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

ADMINISTRATORS = "administrators"
SUPPORT = "support"

_VIEWED_BY_SUPPORT = (
    "calls.agent",
    "calls.call",
    "calls.campaign",
    "calls.customer",
    "calls.customfield",
    "calls.customvalue",
    "calls.directaccess",
    "calls.dispositionchange",
    "calls.dispositioncode",
    "calls.donotcall",
    "calls.erasure",
    "calls.fetchattempt",
    "calls.ingestbatch",
    "calls.ingestitem",
    "calls.legalhold",
    "calls.network",
    "calls.pause",
    "calls.pendingtransaction",
    "calls.purgecount",
    "calls.recording",
    "calls.recordingauth",
    "calls.retentionchange",
    "calls.signal",
    "calls.signalname",
    "dialer.batch",
    "dialer.callingnumber",
    "dialer.contact",
    "dialer.dialeraccount",
    "dialer.phonelog",
    "dialer.voiceagent",
    "exports.exportentry",
    "exports.exportjob",
    "partners.apikey",
    "partners.attempt",
    "partners.delivery",
    "partners.grant",
    "partners.partner",
    "partners.rejection",
    "partners.rejectioncount",
    "partners.subtenant",
    "partners.tenant",
    "partners.user",
)
# Nothing of these is edited by hand: they stand for *Retry*, *Place legal hold*, *Redeliver*, *Send test
# callback*, for *Retry* and *Cancel* of exports, for *Start*, *Stop* and *Dial again* of the dialer, and for
# *Add* and *Take off* of the do-not-call list.
_DONE_BY_SUPPORT = (
    "calls.add_donotcall",
    "calls.add_legalhold",
    "calls.change_recording",
    "calls.delete_donotcall",
    "dialer.change_batch",
    "dialer.change_contact",
    "exports.change_exportjob",
    "partners.add_delivery",
    "partners.change_delivery",
)


def sync_groups(sender: AppConfig, using: str, **_: Any) -> None:
    """Receiver of ``post_migrate``: permissions of an app exist once its own signal was sent."""
    if sender.label in ("auth", "exports", "dialer", "calls", "partners"):
        _set_permissions(ADMINISTRATORS, _administrators(using), using)
        _set_permissions(SUPPORT, _support(using), using)


def _set_permissions(name: str, permissions: Iterable[Permission], using: str) -> None:
    group, _ = Group.objects.using(using).get_or_create(name=name)
    group.permissions.set(permissions)


def _administrators(using: str) -> Iterable[Permission]:
    everything = Q(content_type__app_label__in=["exports", "dialer", "calls", "partners"])
    groups = Q(content_type__app_label="auth", content_type__model="group")
    return Permission.objects.using(using).filter(everything | groups)


def _support(using: str) -> Iterable[Permission]:
    viewed = (name.replace(".", ".view_") for name in _VIEWED_BY_SUPPORT)
    wanted = {*viewed, *_DONE_BY_SUPPORT}
    every = Permission.objects.using(using).select_related("content_type")
    return [one for one in every if f"{one.content_type.app_label}.{one.codename}" in wanted]
