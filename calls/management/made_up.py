"""Made-up calls in the order of their arrival, with all that hangs on them, as lines for COPY."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from calls import keeping
from calls.management.columns import lines_of_tables
from calls.management.copying import NULL
from calls.management.owners import AGENTS, CODES, Owner
from calls.models import Source

# Statements of COPY, each with its lines.
Copied = list[tuple[str, str]]

PERIOD = timedelta(days=90)
PER_BATCH = 20
# Of calls; a multiple of PER_BATCH.
CHUNK = 20_000
_OWNERS_AT_ONCE = 10
# Only what came in lately can be waiting still.
_LATELY = timedelta(hours=4)
_DAY = 86_400.0
# Of the callbacks owed in the last day, so many wait for their next try.
_WAITING_CALLBACKS = 0.05
_LISTEN_SLOT = 600


@dataclass(frozen=True, slots=True)
class _End:
    """How a recording ended, or how its last attempt did."""

    weight: int
    state: str
    error: str = ""
    code: str = ""
    status: int | str = NULL
    sniffed: str = ""


# Of a thousand.
_ENDS = (
    _End(930, "done", status=200, sniffed="WAV audio"),
    _End(22, "failed", "the server answered 404 Not Found", "http_404", 404, "a web page (HTML)"),
    _End(
        14, "failed", "the URL answered with a sign-in page (text/html), not audio", "not_audio", 200, "HTML"
    ),
    _End(8, "failed", "the server answered 403 Forbidden", "http_403", 403, "an XML document"),
    _End(2, "poison", "the decoder ran out of memory", "decoder_crashed", 200, "MP3 audio"),
    _End(6, "due", "the server took longer than 600 seconds altogether", "deadline_exceeded"),
    _End(6, "due", "the server answered 503 Service Unavailable", "http_503", 503, "plain text"),
    _End(12, "due"),
)
_ENDPOINT_TROUBLE = (("the endpoint answered 500", 500), ("the server did not answer in time", NULL))
_FIRST_NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Donald", "Frances")
_FINGERPRINT = (
    '{"recording_url": "%s", "started_at": "%s", "ended_at": "%s", "customer_phone": "%s", '
    '"callback_url": "%s", "agent.external_id": "%s"}'
)


class Maker:
    """Makes so many calls of the owners; ``made`` of them so far."""

    def __init__(self, chance: random.Random, owners: Sequence[Owner], total: int, now: datetime) -> None:
        self._chance, self._owners, self._total = chance, owners, total
        self._now = now.timestamp()
        self.made = 0
        self._began = self._now - PERIOD.total_seconds()
        self._ended = _drawn(end for end in _ENDS if end.state != "due")
        self._ended_lately = _drawn(_ENDS)
        self._lines = lines_of_tables()
        self._keys: dict[str, Callable[[], int]] = {name: count(1).__next__ for name in self._lines}
        # How many events each sub-tenant's feed has.
        self.events = dict.fromkeys((owner.sub_tenant for owner in owners), 0)

    def chunks(self) -> Iterator[Copied]:
        """People first, then calls, a bounded number of rows at a time."""
        for first in range(0, len(self._owners), _OWNERS_AT_ONCE):
            for owner in self._owners[first : first + _OWNERS_AT_ONCE]:
                self._people(owner)
            yield self._taken()
        for first in range(0, self._total, PER_BATCH):
            self._batch(range(first, min(first + PER_BATCH, self._total)))
            if first % CHUNK == 0:
                yield self._taken()
        yield self._taken()

    def _people(self, owner: Owner) -> None:
        partner, created_at = NULL if owner.is_network else owner.partner, _time(self._began)
        for name, first, number in (
            ("agent", owner.agents, AGENTS),
            ("customer", owner.customers, owner.customer_count),
        ):
            for key in range(first, first + number):
                person = f"{_FIRST_NAMES[key % len(_FIRST_NAMES)]} {key}"
                self._lines[name].add(key, owner.sub_tenant, partner, f"{name}-{key}", person, created_at)

    def _taken(self) -> Copied:
        return [(lines.statement, lines.take()) for lines in self._lines.values()]

    def _add(self, name: str, *values: Any) -> int:
        key = self._keys[name]()
        self._lines[name].add(key, *values)
        return key

    # --- A request and its calls --------------------------------------------------------------------------
    def _batch(self, numbers: range) -> None:
        owner = self._chance.choice(self._owners)
        received = self._began + (self._now - self._began) * (numbers.start + 1) / self._total
        request = self._uuid()
        at = _time(received)
        batch = self._add("batch", self._uuid(), owner.partner, owner.sub_tenant, request, at)
        self.made = numbers.stop
        for position, number in enumerate(numbers):
            self._call(number + 1, owner, request, received, at)
            self._add("item", batch, position, number + 1)

    def _call(self, key: int, owner: Owner, request: str, received: float, at: str) -> None:
        chance = self._chance.random
        public = self._uuid()
        seconds = 5 + chance() * 600
        began = received - seconds - 300 - chance() * 7200
        customer = owner.customers + int(chance() * owner.customer_count)
        agent = owner.agents + int(chance() * AGENTS)
        code = CODES[int(chance() * len(CODES))]
        began_at, ended_at = _time(began), _time(began + seconds)
        self._lines["call"].add(
            *(key, public, Source.NETWORK if owner.is_network else Source.PARTNER),
            *(owner.sub_tenant, owner.partner, f"{owner.partner}-{public[:12]}", began_at, ended_at),
            *(f"+49{3_000_000_000 + customer * 7919 % 1_000_000_000}", agent, customer),
            owner.campaigns[key % len(owner.campaigns)] if owner.campaigns else NULL,
            *(code, "" if owner.is_network else f"https://partner-{owner.partner}.example.com/calls"),
            *(f'{{"campaign": "spring-{key % 9}"}}', _fingerprint(public), request, at),
        )
        self._recording(key, public, owner, seconds, received, at)
        if code and chance() < 0.6:
            self._add("disposition", customer, key, "", code, f"Made-up partner {owner.partner}", at, request)
        if owner.signals and chance() < 0.5:
            signal = owner.signals[key % len(owner.signals)]
            self._add("signal", self._uuid(), key, signal, began_at, key % 3 == 0, at)

    def _recording(
        self, key: int, public: str, owner: Owner, seconds: float, received: float, at: str
    ) -> None:
        chance = self._chance.random
        lately = self._now - received < _LATELY.total_seconds()
        end = (self._ended_lately if lately else self._ended)[int(chance() * 1000)]
        fetched = received + 1 + chance() * 40
        fetched_at = _time(fetched)
        host = f"recordings-{owner.partner}.example.com"
        # In the order of the columns that every recording has.
        common = (key, key, owner.sub_tenant, owner.lane, host, f"https://{host}/{public}.wav", at)
        if end.state == "done":
            self._stored(common, public, owner, seconds, fetched, fetched_at)
        else:
            due = _time(self._now + (chance() - 0.2) * 600) if end.state == "due" else fetched_at
            ended = NULL if end.state == "due" else fetched_at
            tried = int(bool(end.error))
            self._lines["not stored"].add(*common, end.state, due, tried, tried, end.error, ended)
        if end.state == "done" or end.error:
            took = int(200 + chance() * 3000)
            self._add("fetch", key, fetched_at, took, end.status, end.sniffed, end.error, end.code)
        if end.state != "due" and not owner.is_network:
            self._callback(public, owner, end.state, fetched)

    def _stored(
        self, common: tuple[Any, ...], public: str, owner: Owner, seconds: float, fetched: float, at: str
    ) -> None:
        key, size = common[0], int(seconds * 16_000) + 44
        purged = self._purged_at(owner, fetched)
        kept = f"recordings/{public}/1-1.wav" if purged == NULL else ""
        digest = f"{public}{public}"
        self._lines["stored"].add(
            *common,
            at,
            at,
            at,
            purged,
            size,
            digest,
            kept,
            size,
            digest,
            key % 4_294_967_296,
            round(seconds, 3),
        )
        if purged == NULL and key % 5 == 0:
            self._listened(key, owner, fetched + self._chance.random() * _DAY)

    def _purged_at(self, owner: Owner, kept_from: float) -> str:
        """When the purge gave it up; it has none to give up now."""
        if owner.retention_days is None:
            return NULL
        gone = kept_from + owner.retention_days * _DAY + keeping.GRACE.total_seconds()
        return _time(gone) if gone < self._now else NULL

    def _listened(self, key: int, owner: Owner, when: float) -> None:
        when = min(when, self._now)
        actor = f"supervisor-{owner.sub_tenant}"
        self._add("access", owner.sub_tenant, actor, key, _time(when), int(when // _LISTEN_SLOT))

    def _callback(self, public: str, owner: Owner, state: str, ended: float) -> None:
        # Each partner's endpoint has a pace and a trouble of its own, so that the pictures differ.
        chance, slow = self._chance.random, 1 + owner.partner % 5
        waits = self._now - ended < _DAY and chance() < _WAITING_CALLBACKS
        failed = waits or chance() < 0.004 * slow
        error, status = _ENDPOINT_TROUBLE[int(chance() * 2)] if failed else ("", 200)
        host, at = f"partner-{owner.partner}.example.com", _time(ended + 1)
        end = "due" if waits else "failed" if failed else "done"
        due = _time(self._now + (chance() - 0.5) * 600) if waits else at
        self.events[owner.sub_tenant] += 1
        word = "completed" if state == "done" else "failed"
        delivery = self._add(
            "delivery",
            *(f"msg_{public}_1", owner.partner, owner.sub_tenant, public, f"https://{host}/calls"),
            f'{{"call_id":"{owner.partner}-{public[:12]}","status":"{word}"}}',
            *(end, due, error, status, f"partner:{owner.partner}", host, at),
            *(NULL if failed else at, self.events[owner.sub_tenant]),
        )
        self._add("attempt", delivery, at, int(20 + chance() * 200 * slow), status, error)

    def _uuid(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"


def _drawn(ends: Any) -> list[_End]:
    """A thousand of them, each as often as its weight says; the first makes up the rest."""
    ends = list(ends)
    drawn = [end for end in ends for _ in range(end.weight)]
    return drawn + [ends[0]] * (1000 - len(drawn))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _fingerprint(public: str) -> str:
    return _FINGERPRINT % (public[:16], public[2:18], public[4:20], public[6:22], public[8:24], public[16:])
