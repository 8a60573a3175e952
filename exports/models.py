from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from calls.models import Call
from partners.models import SubTenant
from zipingest.work import WorkItem, WorkState


class ExportStatus(StrEnum):
    """How an export's state is named on every surface (telesales spec, Exports)."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_STATUS_OF_WORK = {
    WorkState.DUE: ExportStatus.QUEUED,
    WorkState.LEASED: ExportStatus.RUNNING,
    WorkState.DONE: ExportStatus.READY,
    WorkState.FAILED: ExportStatus.FAILED,
    WorkState.POISON: ExportStatus.FAILED,
}


class ExportJob(WorkItem):
    """One ZIP somebody ordered. As work it is packed in one go; a cancelled one counts as done.

    What it holds is pinned when it is ordered: see ExportEntry.
    """

    public_id = models.CharField("job id", max_length=40, unique=True, editable=False)
    sub_tenant = models.ForeignKey(
        SubTenant, on_delete=models.PROTECT, related_name="exports", db_index=False
    )
    requested_by = models.CharField(max_length=255, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    criteria = models.JSONField(default=dict, editable=False, help_text="What was asked for.")
    # Beyond the usual ones: see exports.columns.
    manifest_columns = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), editable=False
    )
    supplements = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="supplemented_by"
    )
    request_id = models.CharField(max_length=64, blank=True, editable=False)
    # Whether who ordered it wants a mail when it has ended, and when that was sent.
    tell = models.BooleanField(default=False, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)

    # As it was when it was ordered: every matched call, and of these what could be included.
    entries_total = models.PositiveIntegerField(editable=False)
    estimated_files = models.PositiveIntegerField(editable=False)
    estimated_bytes = models.PositiveBigIntegerField(editable=False)

    entries_done = models.PositiveIntegerField(default=0, editable=False)
    # The manifest's balance: included + expired + missing are all of its rows.
    included = models.PositiveIntegerField(null=True, editable=False)
    expired = models.PositiveIntegerField(null=True, editable=False)
    missing = models.PositiveIntegerField(null=True, editable=False)

    zip_key = models.CharField(max_length=255, blank=True, editable=False)
    zip_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    zip_etag = models.CharField(max_length=128, blank=True, editable=False)

    created_at = models.DateTimeField(editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(editable=False)
    expired_at = models.DateTimeField(null=True, editable=False, help_text="When the ZIP was given up.")
    error_code = models.CharField(max_length=32, blank=True, editable=False)
    error_message = models.CharField(max_length=255, blank=True, editable=False)

    class Meta(WorkItem.Meta):
        verbose_name = "export"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            *WorkItem.Meta.indexes,
            # an account's exports, newest first
            models.Index(fields=["sub_tenant", "-id"], name="export_sub_tenant_newest"),
            # the sweep: whose ZIP is to be deleted
            models.Index(fields=["expires_at"], condition=~Q(zip_key=""), name="export_with_zip"),
            # the sweep: who is still to be told
            models.Index(
                fields=["id"], condition=Q(tell=True, told_at__isnull=True), name="export_to_be_told"
            ),
            # dashboard and metrics: what failed
            models.Index(
                fields=["-id"], condition=Q(state__in=["failed", "poison"]), name="export_failed_newest"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def status(self) -> ExportStatus:
        if self.cancelled_at:
            return ExportStatus.CANCELLED
        if self.expired_at:
            return ExportStatus.EXPIRED
        return _STATUS_OF_WORK[WorkState(self.state)]

    @property
    def progress_pct(self) -> int:
        """Whole percent of its entries; 100 only once the ZIP is there."""
        if self.status == ExportStatus.READY:
            return 100
        return min(99, 100 * self.entries_done // max(1, self.entries_total))


class ExportEntry(models.Model):
    """A call that the export matched when it was ordered, in the order of the manifest."""

    # No index of its own: it leads the unique constraint.
    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="entries", db_index=False)
    position = models.PositiveIntegerField()
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="export_entries")
    left_out = models.CharField(max_length=255, blank=True, help_text="Why the ZIP does not hold it.")

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "position"], name="export_entry_position_unique")
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.position}"
