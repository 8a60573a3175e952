"""Misconfiguration of calls as numbered system checks that say what to set."""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from calls.telephony.asterisk import Asterisk
from calls.telephony.simulator import Simulator
from partners.outbound import InvalidUrl
from partners.outbound.service import check_service_url

_NEEDED = ("ARI_URL", "ARI_USER", "ARI_PASSWORD", "ARI_APP", "ARI_ENDPOINT")


@register()
def check_simulator(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if not (settings.PRODUCTION and Simulator.name == settings.TELEPHONY_PROVIDER):
        return []
    return [
        Error(
            "TELEPHONY_PROVIDER=simulator makes calls up: unset it where ZIPINGEST_ENV=production.",
            id="calls.E001",
        )
    ]


@register()
def check_asterisk(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if Asterisk.name != settings.TELEPHONY_PROVIDER:
        return []
    missing = [name for name in _NEEDED if not getattr(settings, name)]
    if missing:
        return [Error(f"TELEPHONY_PROVIDER=asterisk needs {', '.join(missing)}.", id="calls.E002")]
    return [*_check_ari_url(), *_check_ari_endpoint()]


def _check_ari_url() -> list[CheckMessage]:
    try:
        check_service_url(settings.ARI_URL)
    except InvalidUrl as error:
        hint = (
            "It is like https://pbx.example.com/ari; plain http and other ports take its host:port in "
            "OUTBOUND_TRUSTED."
        )
        return [Error(f"ARI_URL: {error.reason}.", hint=hint, id="calls.E003")]
    return []


def _check_ari_endpoint() -> list[CheckMessage]:
    if "{number}" in settings.ARI_ENDPOINT or "{digits}" in settings.ARI_ENDPOINT:
        return []
    return [Error("ARI_ENDPOINT must say where the number goes: PJSIP/{number}@trunk.", id="calls.E004")]
