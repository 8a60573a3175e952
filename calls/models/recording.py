from typing import ClassVar

from django.db import models
from django.db.models import Q

from calls.models.access import RecordingAuth
from calls.models.call import Call
from partners.models import SubTenant
from zipingest.work import WorkItem, WorkState


class Stage(models.TextChoices):
    FETCHING = "fetching", "fetching"
    PROCESSING = "processing", "processing"


class PauseHandling(models.TextChoices):
    """What the recording's provider does while it is paused (telesales spec, Pause / resume)."""

    SILENCED = "silenced", "records silence"
    IGNORED = "ignored", "records on"
    OMITTED = "omitted", "leaves the span out"


class Recording(WorkItem):
    """The audio of a call: where it comes from, how far it is, and once it is done where it lies.

    As work, a recording is fetched, normalised and stored in one go. ``run`` counts how often the whole was
    begun anew (another URL, a retry by hand).
    """

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="recording")
    source_url = models.CharField(max_length=2048)
    url_expires_at = models.DateTimeField(null=True, help_text="When a presigned URL stops working.")
    # How its server is shown that we may have it.
    auth = models.ForeignKey(
        RecordingAuth,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        db_index=False,
    )
    run = models.PositiveIntegerField(default=1)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.FETCHING)
    begun_at = models.DateTimeField(help_text="When this run was asked for.")
    completed_at = models.DateTimeField(null=True)
    # The retention window counts from the later of the call's end and this completion.
    kept_from = models.DateTimeField(null=True, editable=False)
    # The call's own, here too: the purge asks for an account's oldest recordings.
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    purged_at = models.DateTimeField(null=True, editable=False, help_text="When its audio was given up.")

    # Where the recording was paused: its beginning, from which the spans count, and what the provider did.
    started_at = models.DateTimeField(null=True)
    pause_handling = models.CharField(
        max_length=8,
        choices=PauseHandling.choices,
        default=PauseHandling.IGNORED,
        db_default=PauseHandling.IGNORED,
    )

    # What came, as it came.
    original_key = models.CharField(max_length=255, blank=True)
    original_bytes = models.PositiveBigIntegerField(null=True)
    original_sha256 = models.CharField(max_length=64, blank=True)
    container = models.CharField(max_length=16, blank=True)
    codec = models.CharField(max_length=32, blank=True)
    channels = models.PositiveSmallIntegerField(null=True)
    sample_rate = models.PositiveIntegerField(null=True)

    # What we keep: 16-bit PCM WAV.
    key = models.CharField(max_length=255, blank=True)
    bytes = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    crc32 = models.PositiveBigIntegerField(null=True)
    stored_sample_rate = models.PositiveIntegerField(null=True)
    duration_seconds = models.FloatField(null=True)
    silences = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="Paused spans as they are silent in it: [from, to] in seconds.",
    )
    peaks = models.BinaryField(null=True, help_text="Loudest sample per bucket, channels interleaved.")

    class Meta(WorkItem.Meta):
        indexes: ClassVar = [
            *WorkItem.Meta.indexes,
            # claim: within a partner, URLs that stop working soonest go first
            models.Index(
                fields=["lane", "url_expires_at"],
                condition=Q(state="due", url_expires_at__isnull=False),
                name="recording_due_expiring",
            ),
            # whether an auth config is in use
            models.Index(fields=["auth"], condition=Q(auth__isnull=False), name="recording_auth"),
            # retention: an account's stored recordings, the oldest first
            models.Index(
                fields=["sub_tenant", "kept_from"],
                condition=Q(state="done", purged_at__isnull=True),
                name="recording_kept",
            ),
            # the purge: audio given up whose objects are still to be deleted
            models.Index(
                fields=["purged_at"],
                condition=Q(purged_at__isnull=False) & ~Q(key=""),
                name="recording_to_delete",
            ),
            # the console: what failed
            models.Index(
                fields=["-id"], condition=Q(state__in=["failed", "poison"]), name="recording_failed_newest"
            ),
            # a partner's own list in an account, newest first: what failed, and what waits. Two, as a claim
            # then writes to neither; "done" has none, as the newest calls are nearly all done.
            models.Index(
                fields=["lane", "sub_tenant", "-call"],
                condition=Q(state="failed") | Q(state="poison"),
                name="recording_own_failed",
            ),
            models.Index(
                fields=["lane", "sub_tenant", "-call"], condition=Q(state="due"), name="recording_own_due"
            ),
        ]

    def __str__(self) -> str:
        return f"recording of {self.call_id}"

    @property
    def public_state(self) -> str:
        """How the state is named on every surface: queued, fetching, processing, completed, failed."""
        if self.state == WorkState.LEASED:
            return self.stage
        return {WorkState.DUE: "queued", WorkState.DONE: "completed"}.get(WorkState(self.state), "failed")

    @property
    def is_failed(self) -> bool:
        return self.state in (WorkState.FAILED, WorkState.POISON)

    @property
    def is_stored(self) -> bool:
        return self.state == WorkState.DONE


class FetchAttempt(models.Model):
    """One attempt at a recording that came to an outcome, in words for support staff."""

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="tried")
    run = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status = models.PositiveIntegerField(null=True, help_text="HTTP status of the recording's server.")
    content_type = models.CharField(max_length=255, blank=True)
    bytes = models.PositiveBigIntegerField(null=True)
    sniffed = models.CharField(max_length=255, blank=True, help_text="What the first bytes are.")
    transcript = models.JSONField(
        default=list, help_text="Each request on the way: URL without query, status, headers that explain."
    )
    error = models.TextField(blank=True)
    # The error in one word, to be counted: http_404, not_audio, network_fault, decoder_crashed, …
    code = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            # the dashboard: what failed lately, and why
            models.Index(fields=["started_at", "code"], name="fetch_attempt_started"),
        ]

    def __str__(self) -> str:
        return self.error or "stored"
