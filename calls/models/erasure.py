from typing import ClassVar

from django.db import models
from django.db.models import Q

from calls.models.call import Call
from partners.models import SubTenant


class RetentionChange(models.Model):
    """Who changed an account's retention. After a shorter one, nothing is deleted for the time of grace."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    old_days = models.PositiveIntegerField("from", null=True)
    new_days = models.PositiveIntegerField("to", null=True)
    changed_by = models.CharField(max_length=255)
    changed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # the purge: was the account's window shortened lately?
            models.Index(fields=["sub_tenant", "-changed_at"], name="retention_change_latest")
        ]

    def __str__(self) -> str:
        return f"{self.old_days or 'no limit'} → {self.new_days or 'no limit'}"


class PurgeCount(models.Model):
    """How many recordings of an account were given up on a day, and how large they were."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField(help_text="In UTC.")
    recordings = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = "purge of a day"
        verbose_name_plural = "purged per day"
        ordering: ClassVar = ["-day", "sub_tenant"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "sub_tenant"], name="purge_count_unique")
        ]

    def __str__(self) -> str:
        return f"{self.recordings} on {self.day}"


class IdentifierKind(models.TextChoices):
    PHONE = "phone", "phone"
    EMAIL = "email", "e-mail"
    ID = "id", "customer id"


class Erasure(models.Model):
    """The proof that a customer was erased; the identifier is kept as a keyed hash only."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=IdentifierKind.choices)
    identifier_hash = models.CharField(max_length=80, db_index=True, editable=False)
    asked_by = models.CharField(max_length=255)
    asked_at = models.DateTimeField()
    customers = models.PositiveIntegerField()
    calls = models.PositiveIntegerField()
    recordings = models.PositiveIntegerField("stored recordings")
    deliveries = models.PositiveIntegerField("callbacks")
    # Personal data goes with the row itself; audio objects afterwards, one call after the other.
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # what is to be continued
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="erasure_unfinished")
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk} by {self.get_kind_display()}"


class ErasedCall(models.Model):
    """A call of an erasure; its objects are deleted, or still to be."""

    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="erased", db_index=False)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="+")
    objects_deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["erasure", "call"], name="erased_call_once_an_erasure")
        ]

    def __str__(self) -> str:
        return f"{self.erasure_id}: {self.call_id}"


class DoNotCall(models.Model):
    """A number that must not be dialled for the account, as a keyed hash (``calls.hashes``)."""

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    phone_hash = models.CharField(max_length=80)
    added_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "do-not-call list"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sub_tenant", "phone_hash"], name="do_not_call_once")
        ]

    def __str__(self) -> str:
        return self.phone_hash[:12]
