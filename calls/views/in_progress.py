"""How a call in progress reads on the live page: what is recorded now, for how long, and what may be done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.db.models import QuerySet

from calls import live
from calls.choices import AgentField, offer
from calls.filters import RecordingFilter
from calls.forms import MOST_OPTIONS, agent_label
from calls.models import Agent, Call, Campaign, DispositionCode, Pause, Source
from calls.timeline import carrier
from calls.waveform import clock
from partners.members import Member, Reach
from partners.models import Right
from partners.page_forms import PageForm
from zipingest.phones import compact, must_be_e164

MOST_SHOWN = 100
# So long after its end an agent's call waits on the page for its disposition.
_WAITS = timedelta(minutes=15)
_LONGEST_CALL = timedelta(hours=4)
_MOST_WAITING = 20
_NOTE_LENGTH = 1000


class DisposeForm(PageForm):
    """One of the active codes, and a note. Ids are of the call, as many of these are on one page."""

    code = forms.ChoiceField(label="Disposition", error_messages={"required": "Choose a disposition."})
    note = forms.CharField(
        required=False,
        max_length=_NOTE_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Optional, for the customer's history.",
    )

    def __init__(self, *args: Any, call: Call, offered: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "auto_id": f"{call.uuid}-%s"})
        cast(forms.ChoiceField, self.fields["code"]).choices = [("", "Choose one"), *offered]


class RegisterForm(PageForm):
    """A call that begins now. An agent registers the own ones and is not asked whose it is."""

    campaign = forms.ModelChoiceField(Campaign.objects.none(), empty_label="Choose one")
    phone = forms.CharField(
        max_length=32,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
        help_text="With the country's code, such as +49 30 1234567.",
    )
    agent = AgentField(Agent.objects.none(), required=False, empty_label="Nobody yet")

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = member.sub_tenant
        offer(self, "campaign", Campaign.objects.filter(sub_tenant=account).order_by("name"))
        if member.reach(Right.CALLS_WRITE) is Reach.OWN:
            del self.fields["agent"]
        else:
            offer(self, "agent", Agent.objects.filter(sub_tenant=account).order_by("name", "external_id"))

    def clean_phone(self) -> str:
        """E.164 of what may be written with blanks and brackets."""
        phone = compact(self.cleaned_data["phone"])
        must_be_e164(phone)
        return phone


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A call in progress, or one that has just ended. ``pause``: the one that is open."""

    call: Call
    now: datetime
    pause: Pause | None
    may_act: bool
    is_own: bool
    form: DisposeForm

    @property
    def agent(self) -> str:
        return agent_label(self.call.agent) if self.call.agent else ""

    @property
    def carrier(self) -> str:
        return carrier(self.call)

    @property
    def state(self) -> str:
        """What is drawn anew when it changes."""
        if not self.call.in_progress:
            return "ended"
        if self.pause is None:
            return "recording"
        return "overlong" if self.is_overlong else "paused"

    @property
    def seconds(self) -> int:
        """How long it has run, or ran."""
        return max(0, int(((self.call.ended_at or self.now) - self.call.started_at).total_seconds()))

    @property
    def lasts(self) -> str:
        return clock(self.seconds)

    @property
    def paused_minutes(self) -> int:
        return int((self.now - self.pause.paused_at).total_seconds() // 60) if self.pause else 0

    @property
    def is_overlong(self) -> bool:
        limit = timedelta(seconds=settings.PAUSE_ALERT_SECONDS)
        return self.pause is not None and self.now - self.pause.paused_at >= limit


class Floor:
    """What a member sees of the account's calls now; ``sent`` is a disposition that was filled in wrongly.

    Six queries or fewer, whatever the number of calls.
    """

    def __init__(self, member: Member, now: datetime, sent: DisposeForm | None = None) -> None:
        self._member = member
        self._now = now
        self._sent = sent
        self._offered = offered(member) if member.may(Right.CALLS_WRITE) else []

    def rows(self) -> list[LiveRow]:
        """Calls in progress, newest first, and behind them the member's own that wait for a disposition."""
        running = list(_with_facts(self._seen())[: MOST_SHOWN + 1])
        return [self.row(call) for call in (*running[:MOST_SHOWN], *self._waiting())]

    def row(self, call: Call) -> LiveRow:
        """``call`` comes with its agent, campaign and pauses."""
        is_own = call.agent is not None and call.agent.user_id == self._user_id
        reach = self._member.reach(Right.CALLS_WRITE)
        form = DisposeForm(call=call, offered=self._offered)
        if self._sent is not None and self._sent.auto_id == form.auto_id:
            form = self._sent
        return LiveRow(
            call=call,
            now=self._now,
            pause=next((pause for pause in call.pauses.all() if pause.resumed_at is None), None),
            may_act=reach is Reach.ALL or (reach is Reach.OWN and is_own),
            is_own=is_own,
            form=form,
        )

    def _seen(self) -> QuerySet[Call]:
        calls = live.newest(RecordingFilter(self._member.sub_tenant), "in_progress")
        if self._member.reach(Right.CALLS_READ) is Reach.OWN:
            return calls.filter(agent__user=self._user_id)
        return calls

    def _waiting(self) -> list[Call]:
        if not self._member.may(Right.CALLS_WRITE):
            return []
        account = self._member.sub_tenant
        calls = Call.objects.filter(sub_tenant=account, source=Source.LIVE, agent__user=self._user_id)
        waiting = calls.filter(
            disposition="", started_at__gte=self._now - _LONGEST_CALL, ended_at__gte=self._now - _WAITS
        )
        return list(_with_facts(waiting.order_by("-started_at"))[:_MOST_WAITING])

    @property
    def _user_id(self) -> int:
        return self._member.user.pk if self._member.user else 0


def offered(member: Member) -> list[tuple[str, str]]:
    """The account's active codes as they are chosen from."""
    active = DispositionCode.objects.filter(sub_tenant=member.sub_tenant, is_active=True).order_by("code")
    rows = active.values_list("code", "label")[:MOST_OPTIONS]
    return [(code, f"{label} ({code})" if label else code) for code, label in rows]


def _with_facts(calls: QuerySet[Call]) -> QuerySet[Call]:
    return calls.select_related("agent", "campaign").defer("fingerprint").prefetch_related("pauses")
