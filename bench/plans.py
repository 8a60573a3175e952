"""The plans PostgreSQL makes of the queries that must stay quick, with 100,000 calls in the tables, or more.

python -m tests.support.services -- python manage.py shell -c "from bench.plans import show; show()"
"""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bench.bodies import bodies
from bench.tables import give_defaults, vacuum
from calls import giving, paging, selectors
from calls.api.partner.schemas import BatchIn, parse
from calls.filters import RecordingFilter
from calls.models import Agent, Call, Campaign, Recording
from calls.services.audit import Actor
from calls.services.ingest import Origin, ingest_batch
from exports.selectors import exports_of
from exports.services import endings, orders
from partners.models import Role, SubTenant, User
from partners.provisioning import provision
from zipingest import work
from zipingest.work.claims import claim

ACTOR = Actor(name="bench", address="")
CALLS = 100_000
PAGE = 51
TABLES = (
    *("calls_agent", "calls_customer", "calls_campaign", "calls_call", "calls_recording"),
    "partners_delivery",
)
PARTNERS = 20
LINE = 150
# Of a hundred calls of a partner 97 are done, two wait and one has failed; a few are at work. Of an agent, a
# campaign and a code (the last of each) there is one call in twenty thousand.
_FILL = """
    INSERT INTO calls_agent (sub_tenant_id, partner_id, external_id, name)
    SELECT 1, 1, 'agent-' || n, 'Name ' || n FROM generate_series(1, 500) n;
    INSERT INTO calls_customer (sub_tenant_id, partner_id, external_id)
    SELECT 1, 1, 'customer-' || n FROM generate_series(1, {half}) n;
    INSERT INTO calls_campaign (sub_tenant_id, name) SELECT 1, 'Campaign ' || n FROM generate_series(1, 10) n;
    INSERT INTO calls_call (source, sub_tenant_id, partner_id, external_id, started_at, agent_id, customer_id,
        campaign_id, disposition, customer_phone)
    SELECT 'partner', 1, 1 + n % {partners}, 'known-' || n, now() - n * interval '1 minute',
        CASE WHEN n % 20000 = 1 THEN 500 ELSE 1 + n % 499 END, 1 + n % {half},
        CASE WHEN n % 20000 = 1 THEN 10 ELSE 1 + n % 9 END,
        CASE WHEN n % 20000 = 1 THEN 'RARE' ELSE 'CODE-' || n % 19 END,
        '+49' || 30000000 + n::bigint * 7919 % 10000000
    FROM generate_series(1, {calls}) n;
    INSERT INTO calls_recording (call_id, sub_tenant_id, bytes, kept_from, run, stage, lane, target, due_at,
        state, lease_until)
    SELECT id, 1, 480000, now(), 1, 'fetching',
        'partner:' || partner_id, 'host-' || id % 50, now() - id * interval '1 second',
        CASE WHEN id % 20000 = 7 THEN 'leased' WHEN nth < 2 THEN 'due' WHEN nth = 2 THEN 'failed'
            ELSE 'done' END,
        CASE WHEN id % 20000 = 7 THEN now() + interval '1 minute' END
    FROM (SELECT *, id / {partners} % 100 AS nth FROM calls_call) calls;
    INSERT INTO partners_delivery (partner_id, webhook_id, subject, run, lane, due_at, state)
    SELECT partner_id, 'msg_' || id, uuid, 1, 'partner:' || partner_id, now() - id * interval '1 second',
        CASE WHEN id / {partners} % 100 < 2 THEN 'due' ELSE 'done' END
    FROM calls_call;
"""


def show(calls: int = CALLS, only: str = "") -> None:
    """Fill an empty database with so many calls, and print every plan whose title begins with ``only``."""
    origin = fill(calls)
    for title, run in {**_queries(origin), **_library(origin.sub_tenant)}.items():
        if not title.startswith(only):
            continue
        print(f"\n# {title}")
        for query in selects(run):
            print("", *(line[:LINE] for line in [query, *plan(query)]), sep="\n")


def fill(calls: int) -> Origin:
    """Fill an empty database; whose all the calls are."""
    call_command("migrate", verbosity=0)
    given, *_ = [provision(name=f"{n}", tenant_id="t", sub_tenant_id="s") for n in range(PARTNERS)]
    give_defaults(settings.DATABASE_URL, TABLES)
    with connection.cursor() as cursor:
        cursor.execute(_FILL.format(calls=calls, half=calls // 2, partners=PARTNERS))
    vacuum(settings.DATABASE_URL)
    return Origin(partner=given.partner, sub_tenant=given.sub_tenant)


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


def _library(account: SubTenant) -> dict[str, Callable[[], object]]:
    """Pages of the library: without a filter, and by each field alone."""
    thousandth = selectors.matching(RecordingFilter(account))[999 * paging.PER_PAGE - 1]
    agent, campaign = Agent.objects.order_by("pk"), Campaign.objects.order_by("pk")
    newest = selectors.matching(RecordingFilter(account))[0]
    months_ago = work.database_now() - timedelta(days=60)
    filters: dict[str, dict[str, Any]] = {
        "two months ago": {"date_from": months_ago, "date_to": months_ago + timedelta(days=7)},
        "campaign": {"campaign_id": campaign[0].pk},
        "rare campaign": {"campaign_id": campaign[9].pk},
        "agent": {"agent_ids": (agent[0].pk,)},
        "three agents": {"agent_ids": (agent[0].pk, agent[1].pk, agent[499].pk)},
        "rare agent": {"agent_ids": (agent[499].pk,)},
        "disposition": {"disposition_codes": ("CODE-3",)},
        "rare disposition": {"disposition_codes": ("RARE",)},
        "phone, a country": {"phone": "+49"},
        "phone, hundreds": {"phone": "+4930001"},
        "phone, one": {"phone": newest.customer_phone},
        "text, a call id": {"text": newest.external_id},
        "text, a uuid": {"text": str(newest.uuid)},
        "text, an agent": {"text": "name 77"},
        "text, nothing": {"text": "zzz"},
    }
    user, _ = User.objects.get_or_create(username="bench", sub_tenant=account, role=Role.AGENT)
    Agent.objects.filter(pk=agent[1].pk).update(user=user)
    return {
        "library, first page": partial(_page, account),
        "library, thousandth page": partial(_page, account, before=paging.Cursor.of(thousandth)),
        "library, an agent's own": partial(_page, account, user=user),
        **{f"library, {title}": partial(_page, account, **wanted) for title, wanted in filters.items()},
    }


def _page(
    account: SubTenant, before: paging.Cursor | None = None, user: User | None = None, **wanted: Any
) -> paging.Page:
    calls = selectors.matching(RecordingFilter(account, **wanted))
    if user:
        calls = selectors.spoken_by(calls, user)
    return paging.page(giving.with_standing(calls).select_related("campaign"), before=before)


def _week(origin: Origin) -> RecordingFilter:
    """Some ten thousand calls."""
    now = work.database_now()
    return RecordingFilter(origin.sub_tenant, date_from=now - timedelta(days=7), date_to=now)


def _newest_in_state(origin: Origin, state: str) -> list[Call]:
    return list(selectors.newest_calls(origin.partner, origin.sub_tenant, state=state)[:PAGE])


def selects(run: Callable[[], object]) -> list[str]:
    """The queries `run` reads tables with; what it writes is undone."""
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        run()
        transaction.set_rollback(True)
    statements = [(query["sql"] or "").strip() for query in captured]
    read = ("SELECT", "WITH", 'INSERT INTO "exports_exportentry"')
    return [sql for sql in statements if sql.startswith(read) and " FROM " in sql]


def plan(query: str, *, buffers: bool = False) -> list[str]:
    """How PostgreSQL carries the query out."""
    return [line for (line,) in _explained(f"ANALYZE, COSTS OFF, BUFFERS {buffers}", query)]


def pages(query: str) -> int:
    """How many pages of tables and indexes the query looks at, in memory or not."""
    ((found,),) = _explained("ANALYZE, BUFFERS, FORMAT JSON", query)
    top = found[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def _explained(options: str, query: str) -> list[tuple[Any, ...]]:
    """The query is carried out, and what it writes is undone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}) {query.replace('%', '%%')}")
        rows = cursor.fetchall()
        transaction.set_rollback(True)
    return rows
