"""A believable account for the pictures and the checks of every page: something of everything."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from calls.dialer.models import Blocked, PhoneLog, Switch
from calls.models import (
    AccessKind,
    Call,
    Campaign,
    CustomField,
    DispositionChange,
    DispositionCode,
    FetchAttempt,
    Recording,
    Signal,
    SignalName,
)
from calls.services import audit, holds
from calls.telephony.simulator import Simulator
from exports.models import ExportJob
from exports.services import endings, orders
from partners.models import Role, SubTenant, User
from tests.browser import seeds, talk
from tests.browser.seeds import Account
from tests.support import factories
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState

PAUSE = (4, 9)

# What no packer brings an export to in a moment.
_REWRITTEN = {
    "failed": {
        "state": WorkState.FAILED,
        "error_code": "STORAGE",
        "error_message": "The store could not be written.",
    },
    "running": {"state": WorkState.LEASED, "entries_done": 6},
}
_AGENTS = {"102": "Bruno Sommer", "103": "Carla Reuter", "104": "David Falk", "105": "Elif Aydin"}
_CODES = (
    ("SALE", "Sale", "success"),
    ("RENEWED", "Renewed", "success"),
    ("CALLBACK", "Call back", "callback"),
    ("NO-ANSWER", "Nobody answered", "failed"),
    ("NO-INTEREST", "Not interested", "failed"),
    ("DO-NOT-CALL", "Do not call again", "dnc"),
)


@dataclass
class House(Account):
    """``exports`` has one in each state; ``stranger`` is the admin of an account that has nothing."""

    exports: dict[str, ExportJob] = field(default_factory=dict)
    code: DispositionCode | None = None
    stranger: User | None = None


def believable(calls: int = 36) -> House:
    """The account "Harbour Insurance / Berlin", of which one exists at a time."""
    account = _people(_office())
    for name, label, category in _CODES:
        account.code = seeds.code(account, name, label, category)
    seeds.code(account, "interested", "", "")
    _hold_calls(account, calls)
    _tell_of_the_first(account)
    _signal(account)
    _expire_and_fail(account)
    _go_on_calling(account)
    _order_exports(account)
    _dial(account)
    return account


def _office() -> SubTenant:
    office = factories.account("berlin", tenant="harbour")
    office.tenant.name, office.name, office.retention_days = "Harbour Insurance", "Berlin", 16
    office.tenant.save()
    office.save()
    return office


def _people(sub_tenant: SubTenant) -> House:
    agent = seeds.person(Role.AGENT, sub_tenant, "ada.lindt")
    seeds.person(Role.AGENT, sub_tenant, "bruno.sommer", is_active=False)
    seeds.person(Role.READ_ONLY, sub_tenant, "audit.office")
    return House(
        sub_tenant=sub_tenant,
        admin=seeds.person(Role.ADMIN, sub_tenant, "maria.keller", last_login=seeds.hours_ago(3)),
        supervisor=seeds.person(Role.SUPERVISOR, sub_tenant, "jonas.weber", last_login=seeds.hours_ago(1)),
        agent=agent,
        speaker=seeds.speaks(sub_tenant, "101", "Ada Lindt", user=agent),
        campaign=Campaign.objects.create(sub_tenant=sub_tenant, name="Spring renewals"),
        stranger=seeds.person(Role.ADMIN, factories.account("empty", tenant="empty"), "new.customer"),
    )


def _hold_calls(account: House, count: int) -> None:
    """Calls of the last three weeks, by five agents in three campaigns."""
    campaigns = [account.campaign]
    campaigns += [
        Campaign.objects.create(sub_tenant=account.sub_tenant, name=name)
        for name in ("Motor claims", "Win back")
    ]
    agents = [account.speaker]
    agents += [seeds.speaks(account.sub_tenant, number, name) for number, name in _AGENTS.items()]
    for number in range(count):
        call = seeds.ended(
            account,
            number,
            seconds=9 + number * 7 % 23,
            started_at=seeds.hours_ago(1 + number * 13.7),
            agent=agents[number * 3 % 5],
            campaign=campaigns[number * 2 % 3],
            disposition=_CODES[number * 5 % 6][0],
        )
        account.calls.append(call)


def _tell_of_the_first(account: House) -> None:
    """What a call's page can tell: its fetch, a pause, a listen, a download, a disposition and a hold."""
    call = account.calls[0]
    call.ended_at = call.started_at + timedelta(seconds=26)
    call.save()
    paused_at = call.started_at + timedelta(seconds=PAUSE[0])
    resumed_at = call.started_at + timedelta(seconds=PAUSE[1])
    call.pauses.create(
        paused_at=paused_at, paused_by="ada.lindt", resumed_at=resumed_at, resumed_by="ada.lindt"
    )
    seeds.keep(call, talk.conversation(26, 1, (PAUSE,)), silences=[list(PAUSE)], started_at=call.started_at)
    _attempt(call, 5, status=503, error="the server answered 503 Service Unavailable", code="http_503")
    _attempt(call, 35, status=200, content_type="audio/wav", bytes=832_044, sniffed="WAV")
    for kind in (AccessKind.LISTEN, AccessKind.DOWNLOAD):
        audit.note_access(actor=actor_of(account.supervisor), call=call, kind=kind)
    DispositionChange.objects.create(
        customer=call.customer,
        call=call,
        old="CALLBACK",
        new="SALE",
        changed_by="ada.lindt",
        changed_at=call.ended_at + timedelta(minutes=1),
    )
    holds.place(
        calls=Call.objects.filter(pk__in=[each.pk for each in account.calls[:2]]),
        reason="Complaint 2231, asked for by legal",
        placed_by=account.admin.username,
    )


def _attempt(call: Call, seconds: int, **fields: object) -> None:
    """To fetch the call's recording, so long after its end."""
    started = call.ended_at + timedelta(seconds=seconds)
    FetchAttempt.objects.create(
        recording=call.recording, run=1, started_at=started, duration_ms=812, **fields
    )


def _signal(account: House) -> None:
    """The first call came over the network, with custom data; every call was judged by two signals."""
    call = account.calls[0]
    Call.objects.filter(pk=call.pk).update(our_phone="+4930555100", direction="inbound", language="en-GB")
    names = [
        SignalName.objects.create(sub_tenant=account.sub_tenant, name=name)
        for name in ("Contract closed", "Complaint")
    ]
    for number, other in enumerate(account.calls):
        _judged(other, names[0], number % 3 == 0)
        _judged(other, names[1], number % 5 == 4)
    later = call.ended_at + timedelta(minutes=9)
    first = {"partner_unique_id": "policy 77-1204", "created_at": later}
    _judged(call, names[0], True, revenue=Decimal("1480.50"), **first)
    _judged(call, names[1], True, corrects=call.signals.get(name=names[1]), created_at=later)
    for name, label, value in (
        ("region", "Sales region", "Brandenburg"),
        ("source_ref", "", "spring-mailing-2"),
    ):
        custom = CustomField.objects.create(sub_tenant=account.sub_tenant, name=name, label=label)
        call.custom_values.create(field=custom, value=value, changed_at=call.ended_at)


def _judged(call: Call, name: SignalName, value: bool, **fields: Any) -> None:
    given = {"occurred_at": call.ended_at, "created_at": call.received_at, **fields}
    if given.get("corrects"):
        Signal.objects.filter(pk=given["corrects"].pk).update(is_current=False)
    Signal.objects.create(call=call, name=name, value=value, **given)


def _expire_and_fail(account: House) -> None:
    """Of the calls, one whose window has passed, one whose recording failed, and one that still waits."""
    expired, failed, due = account.calls[3], account.calls[5], account.calls[7]
    Recording.objects.filter(call=expired).update(kept_from=seeds.hours_ago(17 * 24))
    Recording.objects.filter(call=failed).update(
        state=WorkState.FAILED, key="", attempts=1, last_error="the server answered 404 Not Found"
    )
    _attempt(failed, 4, status=404, error="the server answered 404 Not Found", code="http_404")
    Recording.objects.filter(call=due).update(state=WorkState.DUE, key="", completed_at=None, kept_from=None)


def _go_on_calling(account: House) -> None:
    """Three calls in progress: one of Ada's that is paused, one that talks, one paused for too long."""
    agents = {7: account.speaker, 3: account.calls[1].agent, 41: account.calls[2].agent}
    paused, talking, forgotten = (
        seeds.in_progress(account, 900 + minutes, minutes=minutes, agent=agent, **_carried())
        for minutes, agent in agents.items()
    )
    seeds.paused(paused, minutes=1, by="ada.lindt")
    seeds.paused(forgotten, minutes=18, by="bruno.sommer")
    account.live = [paused, talking, forgotten]


def _dial(account: House) -> None:
    """A batch that calls, one that is stopped, one that is through, and one that nobody has filled."""
    ours = seeds.calling_number(account, "+12025550100", "Ava", most_at_once=8)
    silent = seeds.calling_number(account, "+12025550101")
    office = {"hours_start": "00:00", "hours_end": "00:00", "retry": 2, "delay": 1800}
    account.batches = {
        "idle": seeds.batch(account, "Win back, second wave", ours, switch=Switch.IDLE),
        "done": seeds.batch(account, "Payment reminders", ours, **office),
        "stopped": seeds.batch(
            account, "Motor renewals", ours, switch=Switch.STOPPED, allowed_days=[1, 2, 3, 4, 5]
        ),
        "calling": seeds.batch(account, "Spring renewals, first wave", ours, silent, **office),
    }
    for number in range(12):
        outcome = ("completed", "completed", "busy", "completed")[number % 4]
        seeds.contact(account.batches["done"], number, outcome, outcome)
        seeds.contact(
            account.batches["stopped"], number, *(("pending",) if number > 2 else ("failed", "failed"))
        )
    _contacts_of_all_kinds(account)


def _contacts_of_all_kinds(account: House) -> None:
    of, dnc = account.batches["calling"], Blocked.DNC
    reached = seeds.contact(of, 0, "completed", "busy", "completed", cause="hung up")
    PhoneLog.objects.filter(contact=reached, status="completed").update(call=account.calls[4])
    seeds.contact(of, 1, "in-progress", "in-progress")
    seeds.contact(of, 2, "ringing", "no-answer", "ringing")
    seeds.contact(of, 3, "failed", "unknown", blocked_by=Blocked.UNKNOWN)
    seeds.contact(of, 4, "cancelled", blocked_by=dnc)
    seeds.contact(of, 5, "no-answer", "no-answer", "busy", "no-answer", cause="nobody answered")
    seeds.contact(of, 6, "pending", "busy", due_at=seeds.hours_ago(-0.4))
    seeds.contact(
        of, 7, "pending", time_zone="Asia/Tokyo", due_at=seeds.hours_ago(-9), blocked_by=Blocked.HOURS
    )
    seeds.contact(of, 8, "failed", "failed", "failed", "failed", cause="the number does not exist")
    for number in range(9, 40):
        seeds.contact(of, number, *(("completed", "completed") if number % 3 else ("pending",)))


def _carried() -> dict[str, str]:
    return {"provider": Simulator.name, "external_id": Simulator().originate(to="+4930555000")}


def _order_exports(account: House) -> None:
    """One export in each state; the one that is ready could not include everything."""
    default_storage().delete(account.calls[6].recording.key)
    wanted = {
        "cancelled": (8, 12),
        "expired": (0, 3),
        "ready": (0, 9),
        "failed": (1, 12),
        "running": (2, 12),
        "queued": (4, 12),
    }
    for status, (first, until) in wanted.items():
        account.exports[status] = job = ordered(account, first, until)
        if status in ("ready", "expired"):
            assert work.run_one(ExportJob)
        if status in ("cancelled", "expired"):
            endings.discard(job=ExportJob.objects.get(pk=job.pk))
        _rewrite(job, **_REWRITTEN.get(status, {}))


def ordered(account: Account, first: int, until: int) -> ExportJob:
    uuids = [call.uuid for call in account.calls[first:until]]
    return orders.order_calls(
        actor=actor_of(account.supervisor),
        sub_tenant=account.sub_tenant,
        uuids=uuids,
        include_signals=True,
    )


def actor_of(user: User) -> audit.Actor:
    return audit.Actor(name=user.username, address="192.0.2.7", user=user)


def _rewrite(job: ExportJob, **fields: object) -> None:
    if fields.get("state") == WorkState.LEASED:
        fields["lease_until"] = seeds.hours_ago(-1)
    if fields.get("state") == WorkState.FAILED:
        fields["failed_at"] = seeds.hours_ago(1)
    if fields:
        ExportJob.objects.filter(pk=job.pk).update(**fields)
