import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from calls.dialer.models.account import CallingNumber
from calls.dialer.models.batch import Batch
from calls.dialer.models.ids import new_public_id
from calls.models import Call
from partners.models import SubTenant
from zipingest.work import WorkItem


class ContactStatus(models.TextChoices):
    """How the document calls it."""

    PENDING = "pending", "pending"
    QUEUED = "queued", "queued"
    RINGING = "ringing", "ringing"
    IN_PROGRESS = "in-progress", "in progress"
    COMPLETED = "completed", "completed"
    NO_ANSWER = "no-answer", "no answer"
    BUSY = "busy", "busy"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


ACTIVE = (ContactStatus.QUEUED, ContactStatus.RINGING, ContactStatus.IN_PROGRESS)
ENDED = (
    ContactStatus.COMPLETED,
    ContactStatus.NO_ANSWER,
    ContactStatus.BUSY,
    ContactStatus.FAILED,
    ContactStatus.CANCELLED,
)
# After these it is tried again, as often as the batch says.
RETRIED = (ContactStatus.NO_ANSWER, ContactStatus.BUSY, ContactStatus.FAILED)


class Blocked(models.TextChoices):
    """Why a contact is not dialled (dialer spec, ``blocked_by``)."""

    HOURS = "outside-hours", "outside its calling hours"
    NEVER = "no-hours", "no hour is allowed in all of its time zones"
    DNC = "dnc", "it is on the do-not-call list"
    NUMBER_BUSY = "number-busy", "all calling numbers are busy"
    STOPPED = "batch-stopped", "the batch is stopped"
    DELETED = "batch-deleted", "the batch was deleted"
    NO_PROVIDER = "no-provider", "nobody is configured who carries calls"
    NO_NUMBER = "no-number", "no calling number of the batch has an agent"
    UNKNOWN = "outcome-unknown", "what became of its call is not known; a person has to decide"
    # Never stored: calls.dialer.selectors finds them when asked.
    DELAY = "retry-delay", "its next try is not due yet"
    TURN = "waiting-turn", "others come first"


class Contact(WorkItem):
    """Somebody to be dialled, once in a batch.

    As work it is dialled once: the row is due until a call has been begun, and again when there is another
    try or round. ``round`` counts how often it was asked for anew, ``tries`` the calls of this round.
    """

    public_id = models.CharField("id", max_length=24, default=new_public_id, unique=True, editable=False)
    # No index of its own: it leads the unique constraint.
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="contacts", db_index=False)
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    phone = models.CharField(max_length=16)
    variables = models.JSONField(default=dict)
    # What came while it was being called: for the next round.
    next_variables = models.JSONField(null=True)
    time_zone = models.CharField(max_length=64, blank=True, help_text="As its record says.")
    status = models.CharField(max_length=11, choices=ContactStatus.choices, default=ContactStatus.PENDING)
    blocked_by = models.CharField(max_length=15, choices=Blocked.choices, blank=True)
    round = models.PositiveIntegerField(default=1)
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta(WorkItem.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "phone"], name="contact_once_in_batch")
        ]
        indexes: ClassVar = [
            *WorkItem.Meta.indexes,
            # a batch's contacts in their order, and its progress
            models.Index(fields=["batch", "id"], name="contact_batch"),
            models.Index(fields=["batch", "status", "id"], name="contact_batch_status"),
            # a batch's progress: who waits for another try
            models.Index(
                fields=["batch"], condition=Q(status="pending", tries__gt=0), name="contact_between_tries"
            ),
            # a number in all of an account's batches (console, erasure)
            models.Index(fields=["phone"], opclasses=["varchar_pattern_ops"], name="contact_phone"),
        ]

    def __str__(self) -> str:
        return self.phone


class LogStatus(models.TextChoices):
    """Of a call that was begun. ``originating``: the provider was asked, or was about to be."""

    ORIGINATING = "originating", "originating"
    RINGING = "ringing", "ringing"
    IN_PROGRESS = "in-progress", "in progress"
    COMPLETED = "completed", "completed"
    NO_ANSWER = "no-answer", "no answer"
    BUSY = "busy", "busy"
    FAILED = "failed", "failed"
    UNKNOWN = "unknown", "unknown"


RUNNING = (LogStatus.ORIGINATING, LogStatus.RINGING, LogStatus.IN_PROGRESS)


class PhoneLog(WorkItem):
    """One call of a contact, written before the provider is asked to make it.

    ``uuid`` is the provider's id of the call, chosen by us: so a worker that died in between can be asked
    after. As work, the call is watched until its end is known, whether or not an event told of it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="phone_logs")
    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.ForeignKey(CallingNumber, on_delete=models.PROTECT, related_name="+", db_index=False)
    round = models.PositiveIntegerField()
    provider = models.CharField(max_length=32)
    status = models.CharField(max_length=11, choices=LogStatus.choices, default=LogStatus.ORIGINATING)
    variables = models.JSONField(default=dict)
    begun_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=255, blank=True)
    # Once it has ended and somebody had answered: the call like any other, with its recording.
    call = models.OneToOneField(Call, on_delete=models.SET_NULL, null=True, related_name="phone_log")

    class Meta(WorkItem.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            # Nobody is called twice at a time, whatever two workers believe.
            models.UniqueConstraint(
                fields=["contact"],
                condition=Q(status__in=["originating", "ringing", "in-progress"]),
                name="phone_log_one_at_a_time",
            ),
        ]
        indexes: ClassVar = [
            *WorkItem.Meta.indexes,
            # how many calls a number, an account has running
            models.Index(
                fields=["sub_tenant", "number"],
                condition=Q(status__in=["originating", "ringing", "in-progress"]),
                name="phone_log_running",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def seconds(self) -> float:
        """How long people spoke."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return max(0.0, (self.ended_at - self.answered_at).total_seconds())
