"""The plans PostgreSQL makes of the queries that must stay quick, with 100,000 calls in the tables.

python -m tests.support.services -- python manage.py shell -c "from bench.plans import show; show()"
"""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bench.bodies import bodies
from bench.tables import give_defaults, vacuum
from calls import selectors
from calls.api.partner.schemas import BatchIn, parse
from calls.filters import RecordingFilter
from calls.models import Call, Recording
from calls.services.audit import Actor
from calls.services.ingest import Origin, ingest_batch
from exports.selectors import exports_of
from exports.services import endings, orders
from partners.provisioning import provision
from zipingest import work
from zipingest.work.claims import claim

ACTOR = Actor(name="bench", address="")
CALLS = 100_000
PAGE = 51
TABLES = ("calls_agent", "calls_customer", "calls_call", "calls_recording", "partners_delivery")
PARTNERS = 20
LINE = 150
# Of a hundred calls of a partner 97 are done, two wait and one has failed; a few are at work.
_FILL = f"""
    INSERT INTO calls_agent (sub_tenant_id, partner_id, external_id)
    SELECT 1, 1, 'agent-' || n FROM generate_series(1, 500) n;
    INSERT INTO calls_customer (sub_tenant_id, partner_id, external_id)
    SELECT 1, 1, 'customer-' || n FROM generate_series(1, {CALLS // 2}) n;
    INSERT INTO calls_call (source, sub_tenant_id, partner_id, external_id, started_at, agent_id, customer_id)
    SELECT 'partner', 1, 1 + n % {PARTNERS}, 'known-' || n, now() - n * interval '1 minute',
        1 + n % 500, 1 + n % {CALLS // 2}
    FROM generate_series(1, {CALLS}) n;
    INSERT INTO calls_recording (call_id, sub_tenant_id, bytes, kept_from, run, stage, lane, target, due_at,
        state, lease_until)
    SELECT id, 1, 480000, now(), 1, 'fetching',
        'partner:' || partner_id, 'host-' || id % 50, now() - id * interval '1 second',
        CASE WHEN id % 20000 = 7 THEN 'leased' WHEN nth < 2 THEN 'due' WHEN nth = 2 THEN 'failed'
            ELSE 'done' END,
        CASE WHEN id % 20000 = 7 THEN now() + interval '1 minute' END
    FROM (SELECT *, id / {PARTNERS} % 100 AS nth FROM calls_call) calls;
    INSERT INTO partners_delivery (partner_id, webhook_id, subject, run, lane, due_at, state)
    SELECT partner_id, 'msg_' || id, uuid, 1, 'partner:' || partner_id, now() - id * interval '1 second',
        CASE WHEN id / {PARTNERS} % 100 < 2 THEN 'due' ELSE 'done' END
    FROM calls_call;
"""


def show() -> None:
    """Fill an empty database and print every plan."""
    call_command("migrate", verbosity=0)
    given, *_ = [provision(name=f"{n}", tenant_id="t", sub_tenant_id="s") for n in range(PARTNERS)]
    give_defaults(settings.DATABASE_URL, TABLES)
    with connection.cursor() as cursor:
        cursor.execute(_FILL)
    vacuum(settings.DATABASE_URL)
    origin = Origin(partner=given.partner, sub_tenant=given.sub_tenant)
    for title, run in _queries(origin).items():
        print(f"\n# {title}")
        for query in _selects(run):
            print("", *(line[:LINE] for line in [query, *_plan(query)]), sep="\n")


def _queries(origin: Origin) -> dict[str, Callable[[], object]]:
    recordings = next(kind for kind in work.kinds() if kind.model is Recording)
    mine = selectors.newest_calls(origin.partner, origin.sub_tenant)
    of_state = {
        f"status list, {state}": partial(_newest_in_state, origin, state) for state in selectors.CALL_STATES
    }
    drafts = [item.draft() for item in parse(BatchIn, json.loads(bodies(0, 1)[0])).data]
    return {
        "claim": lambda: claim(recordings),
        "status list": lambda: list(mine[:PAGE]),
        **of_state,
        "callbacks of a page": lambda: selectors.latest_callbacks(mine[:PAGE]),
        "batch ingest": lambda: ingest_batch(origin=origin, drafts=drafts),
        "export of a week": lambda: orders.order(actor=ACTOR, wanted=_week(origin), criteria={}),
        "exports, newest first": lambda: list(exports_of(origin.sub_tenant)[:PAGE]),
        "exports whose time has come": endings.remove_expired,
    }


def _week(origin: Origin) -> RecordingFilter:
    """Some ten thousand calls."""
    now = work.database_now()
    return RecordingFilter(origin.sub_tenant, date_from=now - timedelta(days=7), date_to=now)


def _newest_in_state(origin: Origin, state: str) -> list[Call]:
    return list(selectors.newest_calls(origin.partner, origin.sub_tenant, state=state)[:PAGE])


def _selects(run: Callable[[], object]) -> list[str]:
    """The queries `run` reads tables with; what it writes is undone."""
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        run()
        transaction.set_rollback(True)
    statements = [(query["sql"] or "").strip() for query in captured]
    read = ("SELECT", "WITH", 'INSERT INTO "exports_exportentry"')
    return [sql for sql in statements if sql.startswith(read) and " FROM " in sql]


def _plan(query: str) -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) {query.replace('%', '%%')}")
        lines = [line for (line,) in cursor.fetchall()]
        transaction.set_rollback(True)
    return lines
