"""What the tests of the exports' pages have in common."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

from django.test import Client

from calls.models import Call, Recording, Source
from exports.models import ExportJob
from partners.models import Role
from tests.exports.support import matched
from tests.support.factories import account, person
from zipingest import work

JUNE = {"date_from": "2026-06-01", "date_to": "2026-06-30"}
HTMX = {"HX-Request": "true"}


def signed_in(role: str = Role.SUPERVISOR, **fields: Any) -> Client:
    client = Client()
    client.force_login(person(role, **fields))
    return client


def words(response: Any) -> str:
    """What is to be read, in one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", response.content.decode())))


def estimate(client: Client, **asked: Any) -> str:
    response = client.get("/exports/estimate", {**JUNE, **asked}, headers=HTMX)
    assert response.status_code == 200
    return words(response)


def live(number: int, **fields: Any) -> Call:
    """A call in progress, which has no recording yet."""
    call = matched(account(), number, source=Source.LIVE, **fields)
    Recording.objects.filter(call=call).delete()
    return call


def expire(*calls: Call) -> None:
    account_of = calls[0].sub_tenant
    account_of.retention_days = 1
    account_of.save()
    past = work.database_now() - timedelta(days=1, seconds=1)
    Recording.objects.filter(call__in=calls).update(kept_from=past)


def order(client: Client, **fields: Any) -> Any:
    return client.post("/exports/order", {**JUNE, **fields})


def address(job: ExportJob, part: str = "") -> str:
    return f"/exports/{job.public_id}{part}"
