"""The look of the console: its names, and the sidebar with a link for every list."""

from typing import Any

from django.urls import reverse_lazy


def _page(
    title: str, icon: str, model: str, page: str = "changelist", besides: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A link of the console's sidebar, for those who may view the model (``app.model``).

    It is marked on its page and those below it, except ``besides``: the model's pages with their own links.
    """
    app, name = model.split(".")
    link, *others = (reverse_lazy(f"admin:{app}_{name}_{one}") for one in (page, *besides))
    return {
        "title": title,
        "icon": icon,
        "link": link,
        "active": lambda request: (
            request.path.startswith(str(link)) and not request.path.startswith(tuple(map(str, others)))
        ),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


UNFOLD: dict[str, Any] = {
    "DASHBOARD_CALLBACK": "calls.admin.dashboard.figures_of",
    "SITE_TITLE": "Zipingest",
    "SITE_HEADER": "Zipingest",
    "SITE_SUBHEADER": "Call recordings, times in UTC",
    "SITE_SYMBOL": "graphic_eq",
    "SITE_URL": None,
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "Second factor", "link": reverse_lazy("admin:second_factor_change")},
        ]
    },
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Intake",
                "items": [
                    _page("Why did it not arrive?", "troubleshoot", "calls.call", "why"),
                    _page("Calls", "call", "calls.call", besides=("why",)),
                    _page("Pauses", "pause_circle", "calls.pause"),
                    _page("Customers", "contacts", "calls.customer"),
                    _page("Agents", "support_agent", "calls.agent"),
                    _page("Disposition codes", "sell", "calls.dispositioncode"),
                    _page("Campaigns", "campaign", "calls.campaign"),
                    _page("Batches", "inbox", "calls.ingestbatch"),
                ],
            },
            {
                "title": "Networks",
                "items": [
                    _page("Networks", "hub", "calls.network"),
                    _page("Signal names", "label", "calls.signalname"),
                    _page("Custom-data fields", "list_alt", "calls.customfield"),
                    _page("Auth configs", "vpn_key", "calls.recordingauth"),
                    _page("Direct access", "cloud_sync", "calls.directaccess"),
                    _page("Signals", "sensors", "calls.signal"),
                    _page("Pending transactions", "pending_actions", "calls.pendingtransaction"),
                ],
            },
            {
                "title": "Dialer",
                "items": [
                    _page("Batches", "dialpad", "dialer.batch"),
                    _page("Contacts", "contact_phone", "dialer.contact"),
                    _page("Phone logs", "phone_in_talk", "dialer.phonelog"),
                    _page("Voice agents", "record_voice_over", "dialer.voiceagent"),
                    _page("Calling numbers", "add_call", "dialer.callingnumber"),
                    _page("Accounts", "tune", "dialer.dialeraccount"),
                    _page("Do-not-call list", "phone_disabled", "calls.donotcall"),
                ],
            },
            {"title": "Callbacks", "items": [_page("Callbacks", "outgoing_mail", "partners.delivery")]},
            {"title": "Exports", "items": [_page("Exports", "folder_zip", "exports.exportjob")]},
            {
                "title": "Partners",
                "items": [
                    _page("Partners", "handshake", "partners.partner"),
                    _page("Rejected requests", "block", "partners.rejection"),
                    _page("Rejections per day", "calendar_month", "partners.rejectioncount"),
                    _page("API keys", "key", "partners.apikey"),
                    _page("Tenants", "domain", "partners.tenant"),
                    _page("Sub-tenants", "account_tree", "partners.subtenant"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _page("Users", "person", "partners.user"),
                    _page("Access tokens", "badge", "partners.accesstoken"),
                    _page("Groups", "group", "auth.group"),
                ],
            },
            {
                "title": "Retention",
                "items": [
                    _page("Expiring soon", "schedule", "calls.legalhold", "expiring"),
                    _page("Legal holds", "gavel", "calls.legalhold", besides=("expiring",)),
                    _page("Erasures", "person_remove", "calls.erasure"),
                    _page("Changes of retention", "history", "calls.retentionchange"),
                    _page("Purged per day", "delete_sweep", "calls.purgecount"),
                ],
            },
            {"title": "Audit", "items": [_page("Who listened", "hearing", "calls.accessrecord")]},
        ]
    },
}
