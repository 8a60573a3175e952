"""The dialer in the console: batches, contacts and their calls; agents, numbers and accounts."""

import json
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.dialer.models import (
    Batch,
    Blocked,
    CallingNumber,
    Contact,
    DialerAccount,
    PhoneLog,
    Switch,
    VoiceAgent,
)
from calls.dialer.records import Rules
from calls.models import Agent, Call, Source
from tests.console.conftest import World
from tests.pages.exports import words
from tests.support import dialling, factories

BATCHES, CONTACTS, LOGS = (
    reverse(f"admin:dialer_{name}_changelist") for name in ("batch", "contact", "phonelog")
)


def page(name: str, row: Any = None, action: str = "") -> str:
    route = f"admin:dialer_{name}_{action or ('change' if row else 'add')}"
    return reverse(route, args=[row.pk] if row else [])


def listed(client: Client, url: str, **query: Any) -> list[str]:
    return [str(row) for row in client.get(url, query).context["cl"].result_list]


# --- Batches ----------------------------------------------------------------------------------------------
def test_a_batch_is_started_stopped_and_deleted(world: World, administrator: Client) -> None:
    assert "1 picked, 1 ended: 1 no answer" in words(administrator.get(page("batch", world.calling)))
    for action, switch in (("start", Switch.STARTED), ("stop", Switch.STOPPED)):
        administrator.post(page("batch", world.calling, action))
        assert Batch.objects.get().switch == switch
    administrator.post(page("batch", world.calling, "remove"))
    assert Batch.objects.get().deleted_at is not None
    refused = words(administrator.post(page("batch", world.calling, "start"), follow=True))
    assert "This batch was deleted; nothing was changed." in refused
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
        *("Start the batch", "Stop the batch", "Delete the batch")
    ]


# --- Contacts and their calls -----------------------------------------------------------------------------
def test_a_contact_and_its_calls_are_found_by_phone_and_ids(world: World, support: Client) -> None:
    other = dialling.contact(world.calling, "+12125559999")
    log, phone = PhoneLog.objects.get(), world.contact.phone
    for term in (phone, "1 (212) 555-1004", world.contact.public_id):
        assert listed(support, CONTACTS, q=term) == [phone]
        assert listed(support, LOGS, q=term) == [str(log.uuid)]
    assert listed(support, LOGS, q=log.uuid.hex) == [str(log.uuid)]
    for nothing in ("+1212", "%", "2125551004", str(log.uuid)[:13]):
        assert listed(support, CONTACTS, q=nothing) == listed(support, LOGS, q=nothing) == []
    assert listed(support, CONTACTS) == [other.phone, phone]


def test_within_a_batch_contacts_are_filtered_by_status(world: World, support: Client) -> None:
    elsewhere = factories.provisioned(sub_tenant="elsewhere")
    dialling.contact(dialling.batch(elsewhere, name="Other"), "+12125559999")
    dialling.contact(world.calling, "+12125559998")
    batch = world.calling.pk
    assert listed(support, CONTACTS, batch=batch) == ["+12125559998", world.contact.phone]
    assert listed(support, CONTACTS, batch=batch, status="no-answer") == [world.contact.phone]
    assert "status=busy" not in support.get(CONTACTS).content.decode()
    assert f"?batch={batch}" in support.get(page("batch", world.calling)).content.decode()


def test_lists_of_the_dialer_neither_scan_nor_count(world: World, support: Client) -> None:
    for url in (BATCHES, CONTACTS, LOGS):
        for query in ({}, {"q": world.contact.phone}):
            with CaptureQueriesContext(connection) as queries:
                support.get(url, query)
            said = [sql for sql in (each["sql"].upper() for each in queries) if 'FROM "DIALER_' in sql]
            assert said
            assert not [sql for sql in said if "LIKE" in sql or "COUNT(" in sql or "UPPER(" in sql]


def test_a_contacts_page_says_why_it_is_not_called(world: World, support: Client) -> None:
    Contact.objects.update(status="failed", blocked_by=Blocked.UNKNOWN)
    said = words(support.get(page("contact", world.contact)))
    assert "What became of its call is not known; a person has to decide." in said
    assert "1 in round 1, of 1" in said
    assert "simulator (no real telephone)" in said
    assert "nobody answered" in said


def test_dialling_again_is_kept_in_the_history_without_the_number(world: World, support: Client) -> None:
    support.post(page("contact", world.contact, "dial_again"))
    contact, entry = Contact.objects.get(), LogEntry.objects.get()
    assert (contact.status, contact.round) == ("pending", 2)
    assert (entry.object_repr, entry.change_message) == (contact.public_id, "Dial again")
    again = words(support.post(page("contact", contact, "dial_again"), follow=True))
    assert "This contact has not come to its end; nothing was changed." in again


def test_calls_that_run_are_listed_apart(world: World, support: Client) -> None:
    running = dialling.log(dialling.contact(world.calling, "+12125559999"), status="ringing")
    assert len(listed(support, LOGS)) == 2
    assert listed(support, LOGS, running="yes") == [str(running.uuid)]


def test_a_dialled_call_is_named_as_such(world: World, support: Client) -> None:
    Call.objects.filter(pk=world.stored.pk).update(
        source=Source.DIALER, provider="simulator", external_id=str(PhoneLog.objects.get().uuid)
    )
    assert "dialer (simulator)" in words(support.get(reverse("admin:calls_call_changelist")))
    answer = support.get(reverse("admin:calls_call_change", args=[world.stored.pk]))
    assert "simulator (no real telephone)" in words(answer)
    assert f"{LOGS}?q={PhoneLog.objects.get().uuid}" in answer.content.decode()


# --- Agents -----------------------------------------------------------------------------------------------
def test_an_agents_variables_decide_which_contacts_are_taken(world: World, administrator: Client) -> None:
    given = [{"key": "account_id", "required": True}, {"key": "amount", "type": "number"}]
    add(administrator, "voiceagent", world, name="Ben", language="en-US", variables=json.dumps(given))
    ben = VoiceAgent.objects.get(name="Ben")
    assert ben.variables == [
        {"key": "account_id", "required": True, "type": "string"},
        {"key": "amount", "required": False, "type": "number"},
    ]
    problems = Rules.of([ben]).read({"phoneNumber": "12125551001", "amount": "much"})
    assert isinstance(problems, list)
    assert [problem.field for problem in problems] == ["account_id", "amount"]
    assert "account_id, (amount)" in words(administrator.get(reverse("admin:dialer_voiceagent_changelist")))
    edited = administrator.get(page("voiceagent", ben)).context["adminform"].form["variables"].value()
    assert edited.splitlines()[2] == '  {"key": "amount", "required": false, "type": "number"}'


def test_variables_that_are_none_are_refused(world: World, administrator: Client) -> None:
    for variables, said in {
        "[": "Enter a valid JSON.",
        "{}": "This is not a list",
        '["name"]': "Variable 1 is not an object.",
        '[{"key": "a"}, {"required": true}]': "Variable 2 needs a key",
        '[{"key": " "}]': "Variable 1 needs a key",
        '[{"key": "\\ud800"}]': "Variable 1 needs a key",
        '[{"key": "a", "required": "yes"}]': "Variable 1: required is true or false.",
        '[{"key": "a", "type": "date"}]': "Variable 1: type is string, number or boolean.",
        '[{"key": "a", "type": ["string"]}]': "Variable 1: type is string, number or boolean.",
        '[{"key": "a", "default": 1}]': "Variable 1 has an unknown part: default.",
        '[{"key": "a"}, {"key": "a", "type": "number"}]': "More than one variable is called a.",
        '[{"key": "phoneNumber"}]': "phoneNumber is the contact's own",
        json.dumps([{"key": f"v{number}"} for number in range(101)]): "more than 100 variables",
    }.items():
        answer = add(administrator, "voiceagent", world, name="Ben", variables=variables)
        assert said in words(answer), variables
    assert not VoiceAgent.objects.filter(name="Ben").exists()


def test_an_agent_is_known_to_the_library_by_its_name(world: World, administrator: Client) -> None:
    add(administrator, "voiceagent", world, name="Ben")
    ben = VoiceAgent.objects.select_related("agent").get(name="Ben")
    assert (ben.agent.name, ben.agent.sub_tenant, ben.agent.partner) == ("Ben", world.sub_tenant, None)
    administrator.post(page("voiceagent", ben), {"name": "Benedict", "variables": "[]"})
    assert Agent.objects.get(pk=ben.agent.pk).name == "Benedict"
    answer = administrator.post(page("voiceagent", ben), {"name": "Ava", "variables": "[]"})
    assert "Another agent of the sub-tenant has this name." in words(answer)


# --- Numbers and accounts ---------------------------------------------------------------------------------
def test_a_number_is_e164_and_once_in_an_account(world: World, administrator: Client) -> None:
    add(administrator, "callingnumber", world, phone="+49 (30) 123-456", most_at_once="3")
    made = CallingNumber.objects.get(phone="+4930123456")
    assert made.most_at_once == 3
    for phone, said in (
        ("030123456", "Begin with + and the country's code"),
        ("+1234567890123456", "Begin with + and the country's code"),
        ("+49 30 123456", "The sub-tenant has this number already."),
    ):
        assert said in words(add(administrator, "callingnumber", world, phone=phone)), phone
    nothing = add(administrator, "callingnumber", world, phone="+4930123457", most_at_once="0")
    assert "greater than or equal to 1" in words(nothing)


def test_only_an_agent_of_the_account_speaks_for_its_number(world: World, administrator: Client) -> None:
    theirs = VoiceAgent.objects.create(sub_tenant=factories.account("elsewhere"), name="Theirs")
    number = CallingNumber.objects.get()
    for answer in (
        administrator.post(page("callingnumber", number), {"agent": theirs.pk}),
        add(administrator, "callingnumber", world, phone="+4930123456", agent=theirs.pk),
    ):
        assert "This agent belongs to another sub-tenant." in words(answer)
    assert CallingNumber.objects.get().agent.name == "Ava"


def test_an_accounts_zone_is_one(world: World, administrator: Client) -> None:
    account = DialerAccount.objects.get()
    answer = administrator.post(page("dialeraccount", account), {"time_zone": "Berlin"})
    assert "This is not the name of a time zone" in words(answer)
    administrator.post(page("dialeraccount", account), {"time_zone": "Europe/Berlin", "most_at_once": 2})
    account.refresh_from_db()
    assert (account.time_zone, account.most_at_once) == ("Europe/Berlin", 2)


def add(client: Client, model: str, world: World, **given: Any) -> Any:
    return client.post(page(model), {"sub_tenant": world.sub_tenant.pk, **given})
