import uuid

from django.db import models


class SimulatedCall(models.Model):
    """A call of the embedded simulator (calls.telephony.simulator): what a real provider would remember.

    A call that ends by itself has its times from the beginning, in the future.
    ``pauses``: spans [from, to] of its recording in seconds, the last one's end null while it is paused.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    phone = models.CharField(max_length=16)
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=9, default="answered", db_default="answered")
    pauses = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"simulated call {self.id}"
