"""Misconfiguration as numbered system checks that say what to set."""

import os
from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured


@register(Tags.security)
def check_secrets(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    needed = {
        "E001": ("SECRET_KEY", _secret_key()),
        "E002": ("API_KEY_PEPPERS (as version:secret) or API_KEY_PEPPER", settings.API_KEY_PEPPERS),
        "E003": ("ENCRYPTION_KEYS or ENCRYPTION_KEY", settings.ENCRYPTION_KEYS),
    }
    return [
        Error(f"A secret is missing: set {name}, or the same with _FILE.", id=f"zipingest.{number}")
        for number, (name, value) in needed.items()
        if not value
    ]


@register()
def check_peppers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if all(_is_versioned(pepper) for pepper in settings.API_KEY_PEPPERS):
        return []
    return [Error("API_KEY_PEPPERS must be version:secret[,version:secret…].", id="zipingest.E004")]


@register(Tags.security)
def check_loopback(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if not (settings.PRODUCTION and settings.ALLOW_LOOPBACK):
        return []
    return [
        Error(
            "ZIPINGEST_ALLOW_LOOPBACK lets a partner's URL reach services of this machine: "
            "unset it where ZIPINGEST_ENV=production.",
            id="zipingest.E005",
        )
    ]


@register(Tags.security)
def check_second_factor(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if settings.SECOND_FACTOR or not settings.PRODUCTION:
        return []
    return [
        Warning(
            "A stolen password alone opens the console: set SECOND_FACTOR=True, or leave it unset.",
            id="zipingest.W001",
        )
    ]


@register()
def check_production_services(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if not settings.PRODUCTION:
        return []
    problems: list[CheckMessage] = []
    if not settings.DATABASE_URL.startswith("postgres"):
        problems.append(Error("Production needs PostgreSQL: set DATABASE_URL.", id="zipingest.E006"))
    if not settings.REDIS_URL:
        problems.append(Error("Production needs Redis: set REDIS_URL.", id="zipingest.E007"))
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        problems.append(Error("Set ALLOWED_HOSTS to the names this serves.", id="zipingest.E008"))
    return problems


@register()
def check_outbound_authorities(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    path = settings.OUTBOUND_CA_FILE
    if not path or os.access(path, os.R_OK):
        return []
    return [Error("OUTBOUND_CA_FILE must name a readable PEM file.", id="zipingest.E009")]


@register()
def check_outbound_trusted(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if all(_is_pair(pair) for pair in settings.OUTBOUND_TRUSTED):
        return []
    return [Error("OUTBOUND_TRUSTED must be host:port[,host:port…].", id="zipingest.E010")]


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's words for an empty one, before ours could be said
        return ""


def _is_pair(text: str) -> bool:
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    return bool(host) and (bracketed or ":" not in host) and port.isascii() and port.isdigit()


def _is_versioned(pepper: str) -> bool:
    version, _, secret = pepper.partition(":")
    return version.isascii() and version.isdigit() and bool(secret)
