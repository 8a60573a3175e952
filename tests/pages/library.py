"""What tests of the library share: who looks at it, what it lists, and calls by the hundred."""

import re
import uuid
from datetime import timedelta

from django.http import HttpResponse
from django.test import Client

from calls.models import Call, Recording, Source
from partners.models import Role, SubTenant
from tests.exports.support import STARTED, agent
from tests.support import factories

MINUTE = timedelta(minutes=1)


def signed_in(role: str = Role.SUPERVISOR, account: SubTenant | None = None, zone: str = "") -> Client:
    client = Client()
    client.force_login(factories.person(role, account))
    if zone:
        client.cookies["time_zone"] = zone
    return client


def text(answer: HttpResponse) -> str:
    assert answer.status_code == 200, answer.content[:2000]
    return answer.content.decode()


def shown(answer: HttpResponse) -> list[str]:
    """The listed calls in their order."""
    return re.findall(r'<td data-label="Start"[^>]*><a href="/library/([0-9a-f-]{36})"', text(answer))


def many(account: SubTenant, count: int) -> None:
    """Calls of which always three began in the same instant, with recordings."""
    agents = [agent(account, str(number)) for number in range(3)]
    calls = Call.objects.bulk_create(
        Call(
            uuid=uuid.uuid4(),
            source=Source.LIVE,
            sub_tenant=account,
            started_at=STARTED + number // 3 * MINUTE,
            ended_at=STARTED + timedelta(days=1),
            customer_phone="+12025550123",
            agent=agents[number % 3],
            received_at=STARTED,
        )
        for number in range(count)
    )
    times = dict.fromkeys(("begun_at", "due_at", "completed_at", "kept_from"), STARTED)
    Recording.objects.bulk_create(
        Recording(call=call, sub_tenant=account, state="done", lane="x", duration_seconds=62.0, **times)
        for call in calls
    )


def link(answer: HttpResponse, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', text(answer))
    return "/library" + found[1].replace("&amp;", "&") if found else None
