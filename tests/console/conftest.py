"""A small house for the console's tests: a partner, a failed and a stored call, a callback, and people."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from calls.dialer.models import Batch, Contact, ContactStatus, DialerAccount, LogStatus, Switch
from calls.drafts import AgentDraft, CallDraft, CustomerDraft
from calls.hashes import keyed_hash
from calls.models import (
    AccessKind,
    AccessRecord,
    AuthMethod,
    Call,
    Campaign,
    Category,
    CustomField,
    CustomValue,
    DirectAccess,
    Erasure,
    IdentifierKind,
    IngestBatch,
    Network,
    Pause,
    PendingTransaction,
    PurgeCount,
    Recording,
    RecordingAuth,
    RetentionChange,
    Signal,
    SignalName,
    StoreKind,
)
from calls.services import audit, codes, do_not_call, holds, ingest
from exports.models import ExportJob
from exports.services import orders
from partners import deliveries, provisioning, rejections, tokens
from partners.groups import ADMINISTRATORS, SUPPORT
from partners.models import ApiKey, Delivery, Partner, Right, Role, SubTenant, User
from partners.provisioning import Provisioned
from partners.rejections import Refusal
from tests.support import audio, dialling
from zipingest import crypto
from zipingest.storage import default_storage
from zipingest.work import WorkState

AUTH_SECRET = "planted-secret-of-the-auth-config"
STORE_SECRET = "planted-secret-of-the-store"
STARTED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@dataclass
class World:
    partner: Partner
    sub_tenant: SubTenant
    key: ApiKey
    failed: Call
    stored: Call
    batch: IngestBatch
    delivery: Delivery
    person: User
    group: Group
    wav: bytes
    calling: Batch
    contact: Contact


def draft(number: int) -> CallDraft:
    return CallDraft(
        external_id=f"call-{number}",
        recording_url=f"https://recordings.example.com/{number}.wav",
        started_at=STARTED + timedelta(minutes=number),
        ended_at=STARTED + timedelta(minutes=number + 1),
        customer_phone=f"+4930{number:07}",
        agent=AgentDraft(f"agent-{number}", name="Ada"),
        customer=CustomerDraft(f"customer-{number}", name="Grace", disposition="interested"),
        callback_url="https://partner.example.com/callback",
    )


def ingest_calls(partner: Partner, sub_tenant: SubTenant, numbers: range) -> IngestBatch:
    origin = ingest.Origin(partner, sub_tenant)
    done = ingest.ingest_batch(origin=origin, drafts=[draft(number) for number in numbers])
    return IngestBatch.objects.get(uuid=done.batch_uuid)


def fail(call: Call) -> None:
    Recording.objects.filter(call=call).update(
        state=WorkState.FAILED, attempts=1, last_error="the server answered 404 Not Found"
    )


def store(call: Call, wav: bytes) -> None:
    key = f"recordings/{call.uuid}/1-1.wav"
    default_storage().put(key, io.BytesIO(wav), content_type="audio/wav")
    Recording.objects.filter(call=call).update(
        state=WorkState.DONE,
        key=key,
        bytes=len(wav),
        sha256="5" * 64,
        container="wav",
        codec="pcm_s16le",
        channels=1,
        stored_sample_rate=8000,
        duration_seconds=1.0,
        completed_at=timezone.now(),
    )


def owe(partner: Partner, call: Call, state: WorkState) -> Delivery:
    delivery = deliveries.owe(
        partner=partner,
        sub_tenant=call.sub_tenant,
        event=deliveries.CALL_PROCESSED,
        url=call.callback_url,
        payload={"call_id": call.external_id, "status": "failed"},
        subject=call.uuid,
    )
    Delivery.objects.filter(pk=delivery.pk).update(state=state, last_error="the endpoint answered 500")
    return delivery


def refuse(partner: Partner | None, request_id: str, status: int = 422) -> None:
    errors = [{"field": "data[0].call.id", "message": "Field required"}] if status == 422 else []
    rejections.note(
        Refusal(
            status=status,
            message="Validation failed",
            method="POST",
            path="/api/v1/partner/ingest/batch-call",
            address="192.0.2.1",
            request_id=request_id,
            partner=partner,
            key_id="zpk_shown",
            errors=errors,
        )
    )


def leave_traces_of_retention(sub_tenant: SubTenant, held: Call) -> None:
    """A hold and a pause, and a row each of what purge, erasure and change of the window write down."""
    now = timezone.now()
    Pause.objects.create(call=held, paused_at=now, paused_by="person", resumed_at=now, resumed_by="person")
    holds.place(calls=Call.objects.filter(pk=held.pk), reason="case 7", placed_by="person")
    PurgeCount.objects.create(sub_tenant=sub_tenant, day=now.date(), recordings=3, bytes=4_000_000)
    RetentionChange.objects.create(
        sub_tenant=sub_tenant, old_days=90, new_days=None, changed_by="person", changed_at=now
    )
    Erasure.objects.create(
        sub_tenant=sub_tenant,
        kind=IdentifierKind.PHONE,
        identifier_hash=keyed_hash("phone", "+4930999"),
        asked_by="person",
        asked_at=now,
        customers=1,
        calls=2,
        recordings=2,
        deliveries=0,
    )


def set_up_network(sub_tenant: SubTenant, call: Call) -> None:
    """A network with names of each kind, used and unused, access, and what came before its call."""
    now = timezone.now()
    Network.objects.create(sub_tenant=sub_tenant, ingestion_enabled=True)
    for name in ("Sale", "Unused"):
        SignalName.objects.create(sub_tenant=sub_tenant, name=name)
        CustomField.objects.create(sub_tenant=sub_tenant, name=name.lower())
        RecordingAuth.objects.create(
            sub_tenant=sub_tenant,
            name=name,
            method=AuthMethod.BEARER,
            hosts=["recordings.example.com"],
            sealed_secret=crypto.encrypt(AUTH_SECRET),
        )
    DirectAccess.objects.create(
        sub_tenant=sub_tenant,
        kind=StoreKind.S3,
        endpoint="https://127.0.0.1:9",
        container="recordings",
        account="AKIA",
        sealed_secret=crypto.encrypt(STORE_SECRET),
    )
    name = SignalName.objects.get(name="Sale")
    Signal.objects.create(call=call, name=name, value=True, revenue=19, occurred_at=now, created_at=now)
    custom = CustomField.objects.get(name="sale")
    CustomValue.objects.create(call=call, field=custom, value="gold", changed_at=now)
    Recording.objects.filter(call=call).update(auth=RecordingAuth.objects.get(name="Sale"))
    PendingTransaction.objects.create(
        sub_tenant=sub_tenant, call_started_at=now, signals=[{"name": "Sale"}], received_at=now
    )


def order_exports(actor: audit.Actor, call: Call) -> None:
    """One that waits, and one that has failed."""
    for _ in range(2):
        orders.order_calls(actor=actor, sub_tenant=call.sub_tenant, uuids=[call.uuid])
    ExportJob.objects.filter(pk=ExportJob.objects.latest("pk").pk).update(state=WorkState.FAILED)
    AccessRecord.objects.filter(kind=AccessKind.EXPORT).delete()


def called_in_vain(provisioned: Provisioned) -> Contact:
    """A contact of a stopped batch, whose only call was not answered."""
    batch = dialling.batch(provisioned, switch=Switch.STOPPED)
    contact = dialling.contact(batch, tries=1, status=ContactStatus.NO_ANSWER, state=WorkState.DONE)
    dialling.log(contact, status=LogStatus.NO_ANSWER, cause="nobody answered")
    DialerAccount.objects.create(sub_tenant=batch.sub_tenant)
    return contact


@pytest.fixture
def world(db: None) -> World:
    provisioned = provisioning.provision(name="Acme", tenant_id="acme", sub_tenant_id="berlin")
    partner, sub_tenant = provisioned.partner, provisioned.sub_tenant
    batch = ingest_calls(partner, sub_tenant, range(2))
    failed, stored = Call.objects.order_by("id")
    wav = audio.wav(1.0)
    fail(failed)
    store(stored, wav)
    person = User.objects.create_user("person")
    actor = audit.Actor(name="person", address="192.0.2.1", user=person)
    audit.note_access(actor=actor, call=stored, kind=AccessKind.DOWNLOAD)
    delivery = owe(partner, failed, WorkState.FAILED)
    refuse(partner, request_id="refused-1")
    tokens.issue_to_machine(sub_tenant=sub_tenant, role=Role.ADMIN, scopes=[Right.EXPORTS], name="crm")
    order_exports(actor, stored)
    leave_traces_of_retention(sub_tenant, failed)
    set_up_network(sub_tenant, stored)
    contact = called_in_vain(provisioned)
    do_not_call.add(sub_tenant_id=sub_tenant.pk, phone="+12125550199")
    codes.create(sub_tenant=sub_tenant, code="UNUSED", label="Unused", category=Category.FAILED)
    Campaign.objects.create(sub_tenant=sub_tenant, name="Spring", external_id="net-1")
    key = provisioned.issued.key
    viewers = Group.objects.create(name="viewers")
    viewers.permissions.set(Permission.objects.filter(codename__startswith="view_"))
    group = Group.objects.create(name="nothing")
    return World(
        *(partner, sub_tenant, key, failed, stored, batch, delivery, person, group, wav),
        calling=contact.batch,
        contact=contact,
    )


def staff(username: str, group: str | None = None) -> Client:
    user = User.objects.create_user(username, is_staff=True, is_superuser=group is None)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def support(db: None) -> Client:
    return staff("support", SUPPORT)


@pytest.fixture
def administrator(db: None) -> Client:
    return staff("administrator", ADMINISTRATORS)
