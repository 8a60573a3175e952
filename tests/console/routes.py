"""The table of the console: every route, who may ask for it, and what a POST to it carries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, reverse

from calls.dialer.models import CallingNumber, DialerAccount, PhoneLog, VoiceAgent
from calls.models import (
    AccessRecord,
    Agent,
    Campaign,
    Customer,
    CustomField,
    DirectAccess,
    DispositionCode,
    DoNotCall,
    Erasure,
    LegalHold,
    Network,
    Pause,
    PendingTransaction,
    PurgeCount,
    RecordingAuth,
    RetentionChange,
    Signal,
    SignalName,
)
from exports.models import ExportJob
from partners.models import AccessToken, Rejection, RejectionCount
from tests.console.conftest import World
from tests.support import factories

# A viewer may view everything and do nothing; a newcomer is staff without any permission.
NOBODY: frozenset[str] = frozenset()
ADMINISTRATORS = frozenset({"administrator"})
SUPPORT = ADMINISTRATORS | {"support"}
VIEWERS = SUPPORT | {"viewer"}
AUDITORS = ADMINISTRATORS | {"viewer"}
STAFF = VIEWERS | {"newcomer"}
EVERYBODY = STAFF | {"anonymous"}


@dataclass(frozen=True)
class Row:
    """Who may GET and POST; ``data`` of a POST that changes something if one of ``doers`` sends it."""

    get: frozenset[str]
    post: frozenset[str]
    data: Callable[[World], dict[str, Any]] | None = None
    only: frozenset[str] | None = None

    @property
    def doers(self) -> frozenset[str]:
        if self.data is None:
            return NOBODY
        return self.post if self.only is None else self.only


def _formsets(*prefixes: str) -> dict[str, Any]:
    return {f"{prefix}-{name}_FORMS": 0 for prefix in prefixes for name in ("TOTAL", "INITIAL")}


def _model(
    name: str,
    view: frozenset[str] = VIEWERS,
    add: Callable[[World], dict[str, Any]] | None = None,
    change: Callable[[World], dict[str, Any]] | None = None,
    delete: Callable[[World], dict[str, Any]] | None = None,
    action: Callable[[World], dict[str, Any]] | None = None,
) -> dict[str, Row]:
    """A model's five routes; what has data is for administrators, a list's action also for support."""
    adds, changes, deletes = (ADMINISTRATORS if data else NOBODY for data in (add, change, delete))
    return {
        f"{name}_changelist": Row(view, view, action, only=SUPPORT),
        f"{name}_add": Row(adds, adds, add),
        f"{name}_change": Row(view, changes, change),
        f"{name}_history": Row(view, view),
        f"{name}_delete": Row(deletes, deletes, delete),
    }


def _user(world: World) -> dict[str, Any]:
    return {"username": "renamed", "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00"}


NETWORK = {"time_zone": "UTC", "default_language": "en-GB", "country_codes": "1, 49"}
AUTH = {"name": "crm", "method": "bearer", "hosts": "recordings.example.com"}
ACCESS = {"kind": "s3", "endpoint": "https://127.0.0.1:9", "container": "recordings", "account": "another"}
PASSWORD = {"password1": "a-Long-1-phrase", "password2": "a-Long-1-phrase", "usable_password": "true"}

ROUTES: dict[str, Row] = {
    "index": Row(STAFF, STAFF),
    "login": Row(EVERYBODY, EVERYBODY),
    # Whoever is not signed in is sent to the index, and from there to the sign-in.
    "logout": Row(frozenset({"anonymous"}), EVERYBODY),
    # To whoever has given the password; what they do is in test_second_factor.py.
    "second_factor": Row(STAFF, STAFF),
    "second_factor_set_up": Row(STAFF, STAFF),
    "second_factor_change": Row(STAFF, STAFF),
    "password_change": Row(STAFF, STAFF),
    "password_change_done": Row(STAFF, NOBODY),
    "autocomplete": Row(NOBODY, NOBODY),
    "jsi18n": Row(STAFF, NOBODY),
    "search": Row(STAFF, STAFF),
    "view_on_site": Row(NOBODY, NOBODY),
    "app_list": Row(VIEWERS, VIEWERS),
    **_model(
        "auth_group",
        AUDITORS,
        add=lambda world: {"name": "auditors"},
        change=lambda world: {"name": "renamed"},
        delete=lambda world: {"post": "yes"},
    ),
    **_model(
        "partners_user",
        add=lambda world: {"username": "new", **PASSWORD},
        change=_user,
    ),
    "partners_user_reset_second_factor": Row(NOBODY, NOBODY),  # superusers only
    "auth_user_password_change": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: dict(PASSWORD)),
    **_model(
        "partners_tenant",
        add=lambda world: {"name": "T", "external_id": "t", **_formsets("sub_tenants")},
        change=lambda world: {"name": "T", "external_id": "t", **_formsets("sub_tenants")},
    ),
    **_model(
        "partners_subtenant",
        add=lambda world: {"tenant": world.sub_tenant.tenant_id, "name": "S", "external_id": "s"},
        change=lambda world: {
            "tenant": world.sub_tenant.tenant_id,
            "name": "S",
            "external_id": "s",
        },
    ),
    **_model(
        "partners_partner",
        add=lambda world: {"name": "P", "rate_limit": 5, **_formsets("grants", "keys")},
        change=lambda world: {"name": "P", "rate_limit": 5, **_formsets("grants", "keys")},
    ),
    "partners_partner_new_key": Row(ADMINISTRATORS, ADMINISTRATORS),
    "partners_partner_rotate_webhook_secret": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: {}),
    "partners_partner_send_test_callback": Row(
        SUPPORT, SUPPORT, lambda world: {"url": "https://partner.example.com/test"}
    ),
    "partners_partner_check_signature": Row(VIEWERS, VIEWERS),
    **_model(
        "partners_apikey",
        add=lambda world: {"partner": world.partner.pk, "scopes": ["ingest"]},
        change=lambda world: {"label": "new label", "scopes": ["read"]},
    ),
    "partners_apikey_rotate": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: {}),
    "partners_apikey_revoke": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: {}),
    **_model(
        "partners_accesstoken",
        AUDITORS,
        add=lambda world: {
            "name": "crm",
            "sub_tenant": world.sub_tenant.pk,
            "role": "supervisor",
            "scopes": ["recordings:read"],
        },
    ),
    "partners_accesstoken_revoke": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: {}),
    **_model(
        "partners_delivery",
        action=lambda world: {"action": "redeliver_selected", "_selected_action": [world.delivery.pk]},
    ),
    "partners_delivery_redeliver": Row(SUPPORT, SUPPORT, lambda world: {}),
    **_model(
        "calls_call",
        action=lambda world: {
            "action": "retry_selected",
            "_selected_action": [world.failed.pk],
            "asked": "True",
        },
    ),
    "calls_call_retry": Row(SUPPORT, SUPPORT, lambda world: {}),
    "calls_call_replace_url": Row(
        SUPPORT, SUPPORT, lambda world: {"url": "https://recordings.example.com/again.wav"}
    ),
    "calls_call_listen": Row(VIEWERS, NOBODY),
    "calls_call_download": Row(VIEWERS, NOBODY),
    "calls_call_why": Row(VIEWERS, NOBODY),
    **_model("partners_rejection"),
    **_model("partners_rejectioncount"),
    **_model("calls_customer"),
    **_model("calls_agent", change=lambda world: {"extension": "42", "user": world.person.pk}),
    **_model(
        "calls_dispositioncode",
        add=lambda world: {"sub_tenant": world.sub_tenant.pk, "code": "NEW", "category": "success"},
        change=lambda world: {"label": "Interested", "category": "success"},
        delete=lambda world: {"post": "yes"},
    ),
    **_model(
        "calls_campaign",
        add=lambda world: {"sub_tenant": world.sub_tenant.pk, "name": "Autumn", "type": "Standard"},
        change=lambda world: {"sub_tenant": world.sub_tenant.pk, "name": "Summer", "type": "Standard"},
    ),
    **_model(
        "calls_network",
        add=lambda world: {"sub_tenant": factories.account("elsewhere").pk, **NETWORK},
        change=lambda world: NETWORK,
    ),
    **_model(
        "calls_signalname",
        add=lambda world: {"sub_tenant": world.sub_tenant.pk, "name": "Cancellation"},
        change=lambda world: {"sub_tenant": world.sub_tenant.pk, "name": "Refund"},
        delete=lambda world: {"post": "yes"},
    ),
    **_model(
        "calls_customfield",
        add=lambda world: {"sub_tenant": world.sub_tenant.pk, "name": "plan"},
        change=lambda world: {"sub_tenant": world.sub_tenant.pk, "name": "plan"},
        delete=lambda world: {"post": "yes"},
    ),
    **_model("calls_signal"),
    **_model("calls_pendingtransaction"),
    **_model(
        "calls_recordingauth",
        add=lambda world: {"sub_tenant": world.sub_tenant.pk, **AUTH, "new_secret": "s"},
        change=lambda world: AUTH,
        delete=lambda world: {"post": "yes"},
    ),
    "calls_recordingauth_test_access": Row(ADMINISTRATORS, ADMINISTRATORS),
    **_model(
        "calls_directaccess",
        add=lambda world: {"sub_tenant": factories.account("elsewhere").pk, **ACCESS, "new_secret": "s"},
        change=lambda world: ACCESS,
        delete=lambda world: {"post": "yes"},
    ),
    "calls_directaccess_test_access": Row(ADMINISTRATORS, ADMINISTRATORS),
    **_model("calls_ingestbatch"),
    **_model("calls_accessrecord", AUDITORS),
    **_model("exports_exportjob"),
    "exports_exportjob_retry": Row(SUPPORT, SUPPORT, lambda world: {}),
    "exports_exportjob_discard": Row(SUPPORT, SUPPORT, lambda world: {}),
    **_model("calls_legalhold"),
    "calls_legalhold_changelist": Row(
        VIEWERS,
        VIEWERS,
        lambda world: {"action": "release_selected", "_selected_action": [LegalHold.objects.get().pk]},
        only=ADMINISTRATORS,
    ),
    "calls_legalhold_release": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: {}),
    "calls_legalhold_expiring": Row(
        VIEWERS, SUPPORT, lambda world: {"one": world.stored.pk, "reason": "case 8"}
    ),
    "calls_call_place_hold": Row(SUPPORT, SUPPORT, lambda world: {"reason": "case 8"}),
    **_model(
        "calls_erasure",
        add=lambda world: {
            "sub_tenant": world.sub_tenant.pk,
            "kind": "id",
            "value": "customer-1",
            "confirmation": "ERASE",
            "previewed": 1,
        },
    ),
    "calls_erasure_go_on": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: {}),
    **_model("calls_pause"),
    **_model("calls_purgecount"),
    **_model("calls_retentionchange"),
    "calls_retentionchange_account": Row(
        ADMINISTRATORS, ADMINISTRATORS, lambda world: {"days": "30", "previewed": "30", "save": "1"}
    ),
    "partners_subtenant_change_retention": Row(ADMINISTRATORS, ADMINISTRATORS),
    **_model("dialer_batch"),
    "dialer_batch_start": Row(SUPPORT, SUPPORT, lambda world: {}),
    "dialer_batch_stop": Row(SUPPORT, SUPPORT, lambda world: {}),
    "dialer_batch_remove": Row(ADMINISTRATORS, ADMINISTRATORS, lambda world: {}),
    **_model("dialer_contact"),
    "dialer_contact_dial_again": Row(SUPPORT, SUPPORT, lambda world: {}),
    **_model("dialer_phonelog"),
    **_model(
        "dialer_voiceagent",
        add=lambda world: {"sub_tenant": world.sub_tenant.pk, "name": "Ben"},
        change=lambda world: {"name": "Avery"},
    ),
    **_model(
        "dialer_callingnumber",
        add=lambda world: {"sub_tenant": world.sub_tenant.pk, "phone": "+1 202 555 0101"},
        change=lambda world: {"most_at_once": 3},
    ),
    **_model(
        "dialer_dialeraccount",
        add=lambda world: {"sub_tenant": factories.account("elsewhere").pk, "time_zone": "Europe/Berlin"},
        change=lambda world: {"time_zone": "Europe/Berlin"},
    ),
    **_model("calls_donotcall"),
    "calls_donotcall_add": Row(
        SUPPORT,
        SUPPORT,
        lambda world: {"sub_tenant": world.sub_tenant.pk, "phone": "+12125550100", "add": "1"},
    ),
}


def named_routes() -> Iterator[tuple[str, URLPattern]]:
    return ((pattern.name, pattern) for pattern in _patterns(admin.site.get_urls()) if pattern.name)


def unnamed_routes() -> set[str]:
    return {str(pattern.pattern) for pattern in _patterns(admin.site.get_urls()) if not pattern.name}


def _patterns(entries: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns)
        else:
            yield entry


def address(name: str, world: World) -> str:
    """The route's URL, for a row of the world where it is about one."""
    pattern = next(pattern for known, pattern in named_routes() if known == name)
    arguments = {key: _argument(key, name, world) for key in pattern.pattern.regex.groupindex}
    return reverse(f"admin:{name}", kwargs=arguments)


def _argument(key: str, name: str, world: World) -> Any:
    if key == "app_label":
        return "calls"
    if key == "content_type_id":
        return 1
    rows = {
        "auth_group": lambda: world.group,
        "auth_user": lambda: world.person,
        "partners_user": lambda: world.person,
        "partners_tenant": lambda: world.sub_tenant.tenant,
        "partners_subtenant": lambda: world.sub_tenant,
        "partners_partner": lambda: world.partner,
        "partners_apikey": lambda: world.key,
        "partners_accesstoken": AccessToken.objects.first,
        "partners_delivery": lambda: world.delivery,
        "partners_rejectioncount": RejectionCount.objects.first,
        "partners_rejection": Rejection.objects.first,
        "calls_call_listen": lambda: world.stored,
        "calls_call_download": lambda: world.stored,
        "calls_call_place_hold": lambda: world.stored,
        "calls_call": lambda: world.failed,
        "calls_customer": Customer.objects.first,
        "calls_agent": Agent.objects.first,
        "calls_dispositioncode_delete": DispositionCode.objects.filter(code="UNUSED").first,
        "calls_dispositioncode": DispositionCode.objects.first,
        "calls_campaign": Campaign.objects.first,
        "calls_network": Network.objects.first,
        "calls_signalname": SignalName.objects.filter(name="Unused").first,
        "calls_signal": Signal.objects.first,
        "calls_customfield": CustomField.objects.filter(name="unused").first,
        "calls_recordingauth": RecordingAuth.objects.filter(name="Unused").first,
        "calls_directaccess": DirectAccess.objects.first,
        "calls_pendingtransaction": PendingTransaction.objects.first,
        "calls_ingestbatch": lambda: world.batch,
        "calls_accessrecord": AccessRecord.objects.first,
        "calls_legalhold": LegalHold.objects.first,
        "exports_exportjob_retry": ExportJob.objects.filter(state="failed").first,
        "exports_exportjob": ExportJob.objects.filter(state="due").first,
        "calls_erasure": Erasure.objects.first,
        "calls_pause": Pause.objects.first,
        "calls_purgecount": PurgeCount.objects.first,
        "calls_retentionchange_account": lambda: world.sub_tenant,
        "calls_retentionchange": RetentionChange.objects.first,
        "calls_donotcall": DoNotCall.objects.first,
        "dialer_batch": lambda: world.calling,
        "dialer_contact": lambda: world.contact,
        "dialer_phonelog": PhoneLog.objects.first,
        "dialer_voiceagent": VoiceAgent.objects.first,
        "dialer_callingnumber": CallingNumber.objects.first,
        "dialer_dialeraccount": DialerAccount.objects.first,
    }

    prefix = next((known for known in rows if name.startswith(known)), None)
    return rows[prefix]().pk if prefix else 1
