"""Misconfiguration of calls as numbered system checks that say what to set."""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from calls.telephony.simulator import Simulator


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
