"""Rows in bulk that look like a busy house's: how do lists and figures fare with a million calls?"""

import random
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import connection, models, transaction

from calls.management.bulk import Table
from calls.models import Agent, Call, Customer, FetchAttempt, IngestBatch, IngestItem, Outcome, Recording
from calls.services.recordings import source_of
from partners import provisioning
from partners.models import Attempt, Delivery, Partner, Rejection, RejectionCount, SubTenant
from zipingest import work

CHUNK = 5_000
PERIOD = timedelta(days=30)
PER_BATCH = 20
PEOPLE = 500

# (weight, state, error, code, HTTP status, what came instead): how a hundred recordings end.
_ENDS = (
    (930, "done", "", "", 200, "WAV audio"),
    (22, "failed", "the server answered 404 Not Found", "http_404", 404, "a web page (HTML)"),
    (14, "failed", "the URL answered with a sign-in page (text/html), not audio", "not_audio", 200, "HTML"),
    (8, "failed", "the server answered 403 Forbidden", "http_403", 403, "an XML document"),
    (6, "due", "the server took longer than 600 seconds altogether", "deadline_exceeded", None, ""),
    (6, "due", "the server answered 503 Service Unavailable", "http_503", 503, "plain text"),
    (10, "due", "", "", None, ""),
    (2, "leased", "", "", None, ""),
    (2, "poison", "the decoder ran out of memory", "decoder_crashed", 200, "MP3 audio"),
)
_ENDPOINT_TROUBLE = (("the endpoint answered 500", 500), ("the server did not answer in time", None))
# In the order of writing: a row comes after those it names.
_MODELS: tuple[type[models.Model], ...] = (
    *(Agent, Customer, Call, Recording, IngestBatch, IngestItem),
    *(FetchAttempt, Delivery, Attempt, Rejection, RejectionCount),
)
_NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Donald", "Frances")


class Command(BaseCommand):
    help = "Make up calls with recordings, attempts and callbacks, in bulk. Refused in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--calls", type=int, required=True)
        parser.add_argument("--partners", type=int, default=5)
        parser.add_argument("--sub-tenants", type=int, default=3, help="of each partner")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *_: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("made-up calls have no place in production")
        started = time.monotonic()
        owners = _owners(options["partners"], options["sub_tenants"])
        maker = _Maker(random.Random(options["seed"]), owners, work.database_now())  # noqa: S311 - made up
        for first in range(0, options["calls"], CHUNK):
            maker.make(range(first, min(first + CHUNK, options["calls"])), options["calls"])
        maker.finish()
        self.stdout.write(f"{options['calls']:,} calls made in {time.monotonic() - started:.0f} s")


def _owners(partners: int, sub_tenants: int) -> list[tuple[Partner, SubTenant]]:
    """Every partner with each of its sub-tenants; those that are there already are used again."""
    made = [
        provisioning.provision(
            name=f"Made-up partner {number}",
            tenant_id=f"made-up-{number}",
            sub_tenant_id=f"unit-{unit}",
        )
        for number in range(1, partners + 1)
        for unit in range(1, sub_tenants + 1)
    ]
    return [(one.partner, one.sub_tenant) for one in made]


class _Maker:
    """Calls in the order of their arrival over the last thirty days, with all that hangs on them."""

    def __init__(
        self, chance: random.Random, owners: Sequence[tuple[Partner, SubTenant]], now: datetime
    ) -> None:
        self.chance, self.owners, self.now = chance, owners, now
        self.tables = {model: Table(model) for model in _MODELS}
        self.agents, self.customers = self._people(Agent), self._people(Customer)
        self._refusals()

    def make(self, numbers: range, total: int) -> None:
        """The calls of these numbers out of ``total``, in one transaction."""
        for first in range(numbers.start, numbers.stop, PER_BATCH):
            self._batch(range(first, min(first + PER_BATCH, numbers.stop)), total)
        self._write()

    def finish(self) -> None:
        """What COPY leaves behind: the sequences go on after the ids we gave, the planner knows the rows."""
        self._write()
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(self.tables)):
                cursor.execute(statement)
            cursor.execute("ANALYZE")

    def _write(self) -> None:
        with transaction.atomic():
            for table in self.tables.values():
                table.write()

    def _people(self, model: type[Agent] | type[Customer]) -> dict[int, list[int]]:
        """Ids per sub-tenant of people that are there, or are made now."""
        people: dict[int, list[int]] = {}
        for partner, sub_tenant in self.owners:
            known = model._default_manager.filter(sub_tenant=sub_tenant, partner=partner)
            pks = list(known.values_list("pk", flat=True)[:PEOPLE])
            people[sub_tenant.pk] = pks or list(self._new_people(model, partner, sub_tenant))
        return people

    def _new_people(
        self, model: type[Agent] | type[Customer], partner: Partner, sub_tenant: SubTenant
    ) -> Iterator[int]:
        for number in range(PEOPLE):
            yield self.tables[model].add(
                sub_tenant_id=sub_tenant.pk,
                partner_id=partner.pk,
                external_id=f"{model.__name__.lower()}-{sub_tenant.pk}-{number}",
                name=self.chance.choice(_NAMES),
                created_at=self.now - PERIOD,
            )

    def _batch(self, numbers: range, total: int) -> None:
        age = PERIOD * (1 - (numbers.start + self.chance.random() * len(numbers)) / total)
        received = self.now - age
        partner, sub_tenant = self.chance.choice(self.owners)
        request_id = uuid.UUID(int=self.chance.getrandbits(128)).hex
        batch = self.tables[IngestBatch].add(
            uuid=uuid.uuid4(),
            partner_id=partner.pk,
            sub_tenant_id=sub_tenant.pk,
            request_id=request_id,
            received_at=received,
        )
        for position in range(len(numbers)):
            call = self._call(partner, sub_tenant, request_id, received)
            self.tables[IngestItem].add(
                batch_id=batch, position=position, call_id=call, outcome=Outcome.ACCEPTED
            )

    def _call(self, partner: Partner, sub_tenant: SubTenant, request_id: str, received: datetime) -> int:
        chance, public = self.chance, uuid.uuid4()
        began = received - timedelta(minutes=chance.uniform(5, 120))
        call = self.tables[Call].add(
            uuid=public,
            source="partner",
            sub_tenant_id=sub_tenant.pk,
            partner_id=partner.pk,
            external_id=f"{partner.pk}-{public.hex[:12]}",
            started_at=began,
            ended_at=began + timedelta(seconds=chance.uniform(10, 900)),
            customer_phone=f"+49{chance.randrange(10**9, 10**10)}",
            agent_id=chance.choice(self.agents[sub_tenant.pk]),
            customer_id=chance.choice(self.customers[sub_tenant.pk]),
            callback_url=f"https://partner-{partner.pk}.example.com/callback",
            metadata={"campaign": f"spring-{chance.randrange(9)}"},
            request_id=request_id,
            received_at=received,
        )
        self._recording(call, public, partner, sub_tenant, received)
        return call

    def _recording(
        self, call: int, public: uuid.UUID, partner: Partner, sub_tenant: SubTenant, received: datetime
    ) -> None:
        _, state, error, code, status, sniffed = self._end(received)
        url = f"https://recordings-{partner.pk}.example.com/{public.hex}.wav"
        fetched = received + timedelta(seconds=self.chance.expovariate(1 / 20))
        ended = fetched if state in ("done", "failed", "poison") else None
        recording = self.tables[Recording].add(
            **source_of(url),
            **self._standing(state, error, fetched),
            **(self._audio(public) if state == "done" else {}),
            call_id=call,
            sub_tenant_id=sub_tenant.pk,
            lane=f"partner:{partner.pk}",
            begun_at=received,
            completed_at=ended,
            kept_from=ended if state == "done" else None,
        )
        if ended or error:
            self.tables[FetchAttempt].add(
                recording_id=recording,
                run=1,
                started_at=fetched,
                duration_ms=int(self.chance.expovariate(1 / 1500)),
                status=status,
                error=error,
                code=code,
                sniffed=sniffed,
                transcript=[{"url": url, "status": status, "headers": {"Server": "nginx"}}],
            )
        if ended:
            self._callback(public, partner, state, ended)

    def _end(self, received: datetime) -> tuple[int, str, str, str, int | None, str]:
        """How the recording ended; only what came in the last hours can be waiting still."""
        recent = self.now - received < timedelta(hours=4)
        ends = [end for end in _ENDS if recent or end[1] not in ("due", "leased")]
        return self.chance.choices(ends, weights=[end[0] for end in ends])[0]

    def _standing(self, state: str, error: str, fetched: datetime) -> dict[str, Any]:
        tried = bool(error) or state == "done"
        due = self.now + timedelta(seconds=self.chance.uniform(-300, 3600)) if error else fetched
        lease = self.now + timedelta(seconds=60) if state == "leased" else None
        return {
            "state": state,
            "due_at": due if state == "due" else fetched,
            "lease_until": lease,
            "lease_epoch": int(tried or state == "leased"),
            "attempts": int(tried),
            "last_error": error,
        }

    def _audio(self, public: uuid.UUID) -> dict[str, Any]:
        seconds = round(self.chance.uniform(5, 900), 3)
        return {
            "key": f"recordings/{public}/1-1.wav",
            "bytes": int(seconds * 16_000) + 44,
            "sha256": public.hex * 2,
            "crc32": self.chance.getrandbits(32),
            "stored_sample_rate": 8000,
            "duration_seconds": seconds,
            "container": "wav",
            "codec": "pcm_s16le",
            "channels": 1,
            "sample_rate": 8000,
            "original_bytes": int(seconds * 16_000) + 44,
            "original_sha256": public.hex * 2,
        }

    def _callback(self, public: uuid.UUID, partner: Partner, state: str, ended: datetime) -> None:
        # Each partner's endpoint has a pace and a trouble of its own, so that the pictures differ.
        slow = 1 + partner.pk % 5
        failed = self.chance.random() < 0.01 * slow
        error, status = self.chance.choice(_ENDPOINT_TROUBLE) if failed else ("", 200)
        host = f"partner-{partner.pk}.example.com"
        delivery = self.tables[Delivery].add(
            webhook_id=f"msg_{public.hex}_1",
            partner_id=partner.pk,
            event="call.processed",
            subject=public,
            url=f"https://{host}/callback",
            body='{"status":"completed"}' if state == "done" else '{"status":"failed"}',
            state="failed" if failed else "done",
            due_at=ended,
            attempts=1,
            tries=1,
            lease_epoch=1,
            last_error=error,
            last_status=status,
            lane=f"partner:{partner.pk}",
            target=host,
            created_at=ended,
            delivered_at=None if failed else ended,
        )
        self.tables[Attempt].add(
            delivery_id=delivery,
            number=1,
            started_at=ended,
            duration_ms=int(self.chance.lognormvariate(4.5, 0.7) * slow),
            status=status,
            error=error,
        )

    def _refusals(self) -> None:
        """A few refused requests of each partner, today's and yesterday's."""
        for partner in {partner.pk: partner for partner, _ in self.owners}.values():
            if Rejection.objects.filter(partner=partner).exists():
                continue
            for days in (1, 0):
                self._refused(partner, self.now - timedelta(days=days))

    def _refused(self, partner: Partner, at: datetime) -> None:
        refused: Iterable[tuple[int, str, list[dict[str, str]]]] = (
            (401, "Unauthorized", []),
            (
                422,
                "Validation failed",
                [{"field": "data[0].call.id", "message": "Field required"}],
            ),
            (429, "Rate limit exceeded", []),
        )
        for status, message, errors in refused:
            self.tables[Rejection].add(
                partner_id=partner.pk,
                status=status,
                message=message,
                errors=errors,
                method="POST",
                path="/api/v1/partner/ingest/batch-call",
                address="192.0.2.7",
                request_id=uuid.uuid4().hex,
                at=at,
            )
            count = self.chance.randrange(1, 90)
            self.tables[RejectionCount].add(partner_id=partner.pk, day=at.date(), status=status, count=count)
