"""One house of the measurement of growth: does what it is told, and says how long it took.

Its first line of output, in JSON like all others, has the names of what it can do. Then it reads lines
``["time", name]``, ``["pages", name]`` and ``["plans", name]``, and answers seconds, pages read, or plans.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import django

django.setup()

from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse

from bench.bodies import bodies
from bench.plans import pages, plan, selects
from calls import selectors, tasks
from calls.filters import RecordingFilter
from calls.models import Agent, Call, Customer, Recording
from calls.services import purge
from calls.services.audit import Actor
from exports.models import ExportJob
from exports.services import orders
from partners import keys
from partners.models import Delivery, Partner, Role, SubTenant, User
from partners.provisioning import create_person
from zipingest import work
from zipingest.work.claims import claim

PURGED = 100
EXPORTED = timedelta(days=7)
_ADMIN = "admin:{app}_{model}_changelist"


@dataclass(frozen=True)
class Measured:
    """What is timed, and what must be done before each time."""

    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None

    def seconds(self) -> float:
        self.prepare()
        began = time.monotonic()
        self.run()
        return time.monotonic() - began


class Sample:
    """An account of a partner, a call of it, and clients of those who ask for it."""

    def __init__(self) -> None:
        self.delivery = Delivery.objects.filter(state="done")[200]
        self.call = Call.objects.select_related("sub_tenant", "partner").get(uuid=self.delivery.subject)
        self.account, self.partner = self.call.sub_tenant, self.call.partner
        Partner.objects.update(rate_limit=1_000_000_000)
        self.actor = Actor(name="bench", address="")
        self.console = Client()
        self.console.force_login(User.objects.create_superuser("bench"))
        self.member = Client()
        self.member.force_login(
            create_person(
                username="member", password="A-long-1-phrase", sub_tenant=self.account, role=Role.ADMIN
            )
        )
        self.machine = Client(headers=self._headers())

    def _headers(self) -> dict[str, str]:
        issued = keys.issue(partner=self.partner)
        return {
            "x-api-key": issued.key.key_id,
            "x-api-secret": issued.secret,
            "x-tenant-id": self.account.tenant.external_id,
            "x-sub-tenant-id": self.account.external_id,
        }


def measured() -> dict[str, Measured]:
    sample = Sample()
    _order_exports(sample)
    return {**_surfaces(sample), **_work(), **_console(sample)}


def _surfaces(sample: Sample) -> dict[str, Measured]:
    library, status = reverse("library"), reverse("partner-calls")
    week = work.database_now() - timedelta(days=20)
    wanted = RecordingFilter(sample.account, date_from=week, date_to=week + EXPORTED)
    ingested = (body for number in count() for body in bodies(number, 1))
    agent = Agent.objects.filter(sub_tenant=sample.account)[0]
    pages: dict[str, dict[str, Any]] = {
        "first page": {},
        "an agent": {"agent": agent.pk},
        "a disposition": {"disposition": "sold"},
        "a phone": {"phone": sample.call.customer_phone},
        "text": {"text": sample.call.external_id},
        "a week": {"date_from": week.date(), "date_to": (week + EXPORTED).date()},
    }
    return {
        "ingest, 50 calls": Measured(
            lambda: _post(sample.machine, reverse("partner-batch-call"), next(ingested))
        ),
        "status list": Measured(partial(_get, sample.machine, status)),
        "status list, failed": Measured(partial(_get, sample.machine, status, state="failed")),
        **{
            f"library, {title}": Measured(partial(_get, sample.member, library, **query))
            for title, query in pages.items()
        },
        "exports page": Measured(partial(_get, sample.member, reverse("exports"))),
        "export of a week, estimate": Measured(
            lambda: orders.estimate(selectors.matching(wanted), sample.account, work.database_now())
        ),
        "export of a week, order": Measured(lambda: _undone(partial(_order, sample.actor, wanted))),
    }


def _work() -> dict[str, Measured]:
    kinds = {kind.model: kind for kind in work.kinds()}
    return {
        "claim of a recording": _claim_of(kinds[Recording]),
        "claim of a callback": _claim_of(kinds[Delivery]),
        "sweep": Measured(work.sweep),
        "tidy, nothing to do": Measured(tasks.tidy, purge.purge_expired),
        f"purge of {PURGED} recordings": Measured(purge.purge_expired, _condemn),
        "metrics": Measured(partial(_get, Client(), reverse("metrics"))),
    }


def _claim_of(kind: work.Kind) -> Measured:
    """A small house may have nothing that is due just now, and a claim of nothing tells nothing."""
    rows = kind.model._default_manager.filter(pk=kind.model._default_manager.latest("pk").pk)
    return Measured(
        lambda: _undone(partial(claim, kind)),
        lambda: rows.update(state=work.WorkState.DUE, due_at=work.database_now()),
    )


def _console(sample: Sample) -> dict[str, Measured]:
    """The first page of every list, and searches and filters of those that grow."""
    lists = {str(model._meta.verbose_name_plural): _list_of(model) for model in admin.site._registry}
    customer = Customer.objects.filter(sub_tenant=sample.account)[0]
    actor = f"supervisor-{sample.account.pk}"
    asked: dict[str, tuple[type[Any], dict[str, Any]]] = {
        "calls, a call id": (Call, {"q": sample.call.external_id}),
        "calls, a phone": (Call, {"q": sample.call.customer_phone}),
        "calls, nothing found": (Call, {"q": "nobody"}),
        "calls, failed": (Call, {"state": "failed"}),
        "calls, queued": (Call, {"state": "queued"}),
        "calls, last hour": (Call, {"received": "hour"}),
        "calls, a partner": (Call, {"partner__id__exact": sample.partner.pk}),
        "customers, an id": (Customer, {"q": customer.external_id}),
        "customers, a partner": (Customer, {"partner__id__exact": sample.partner.pk}),
        "callbacks, an id": (Delivery, {"q": sample.delivery.webhook_id}),
        "callbacks, failed": (Delivery, {"state__exact": "failed"}),
        "callbacks, a partner": (Delivery, {"partner__id__exact": sample.partner.pk}),
        "audit, a person": (_model("calls.accessrecord"), {"q": actor}),
        "audit, an account": (_model("calls.accessrecord"), {"account": sample.account.pk}),
        "batches, a partner": (_model("calls.ingestbatch"), {"partner__id__exact": sample.partner.pk}),
        "agents, a partner": (Agent, {"partner__id__exact": sample.partner.pk}),
        "exports, ready": (ExportJob, {"state__exact": "done"}),
    }
    pages = {
        "start page": "/admin/",
        "why did it not arrive": reverse("admin:calls_call_why"),
        "expiring": reverse("admin:calls_legalhold_expiring"),
    }
    get = partial(partial, _get, sample.console)
    return {
        **{f"console: {title}": Measured(get(url)) for title, url in {**pages, **lists}.items()},
        **{
            f"console: {title}": Measured(get(_list_of(model), **query))
            for title, (model, query) in asked.items()
        },
    }


def _order_exports(sample: Sample) -> None:
    """One of every account, of its calls of two days."""
    since = work.database_now() - timedelta(days=20)
    for account in SubTenant.objects.all():
        _order(sample.actor, RecordingFilter(account, date_from=since, date_to=since + timedelta(days=2)))
    ExportJob.objects.update(state="done", zip_bytes=1)


def _order(actor: Actor, wanted: RecordingFilter) -> None:
    try:
        orders.order(actor=actor, wanted=wanted, criteria={})
    except orders.NothingToExport:
        return


def _condemn() -> None:
    """Some recordings of one account have just passed their window, and no others."""
    purge.purge_expired()
    account = SubTenant.objects.filter(retention_days=60).order_by("pk").first()
    if account is None:
        account = SubTenant.objects.order_by("pk")[0]
        SubTenant.objects.filter(pk=account.pk).update(retention_days=365)
    kept = Recording.objects.filter(sub_tenant=account, state="done", purged_at__isnull=True).exclude(key="")
    gone = work.database_now() - timedelta(days=400)
    Recording.objects.filter(
        pk__in=list(kept.order_by("kept_from").values_list("pk", flat=True)[:PURGED])
    ).update(kept_from=gone)


def _get(client: Client, url: str, **query: Any) -> None:
    answer = client.get(url, query)
    if answer.status_code != 200:
        raise RuntimeError(f"{url} {query} answered {answer.status_code}")
    b"".join(answer) if answer.streaming else answer.content


def _post(client: Client, url: str, body: bytes) -> None:
    answer = client.post(url, body, content_type="application/json")
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answered {answer.status_code}: {answer.content[:500]!r}")


def _undone(run: Callable[[], object]) -> None:
    with transaction.atomic():
        run()
        transaction.set_rollback(True)


def _list_of(model: type[Any]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _model(label: str) -> type[Any]:
    return django.apps.apps.get_model(label)


def _pages(one: Measured) -> int:
    one.prepare()
    return sum(map(pages, selects(one.run)))


def _plans(one: Measured) -> list[str]:
    one.prepare()
    return [line for query in selects(one.run) for line in ("", query[:400], *plan(query, buffers=True))]


def main() -> None:
    known = measured()
    print(json.dumps(list(known)), flush=True)
    answers = {"time": Measured.seconds, "pages": _pages, "plans": _plans}
    for line in sys.stdin:
        what, name = json.loads(line)
        print(json.dumps(answers[what](known[name])), flush=True)


if __name__ == "__main__":
    main()
