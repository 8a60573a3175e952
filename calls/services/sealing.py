"""Secrets at rest, sealed anew with the newest key (``settings.ENCRYPTION_KEYS``)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.fernet import InvalidToken
from django.db.models import Model

from calls.models import DirectAccess, RecordingAuth
from partners.models import Authenticator, Partner
from zipingest import crypto

# Whoever adds a column that is written with crypto.encrypt adds it here; a test compares.
SEALED: tuple[tuple[type[Model], str], ...] = (
    (Partner, "webhook_secret"),
    (Partner, "old_webhook_secret"),
    (RecordingAuth, "sealed_secret"),
    (DirectAccess, "sealed_secret"),
    (Authenticator, "sealed_secret"),
)
_PORTION = 500


@dataclass(slots=True)
class Resealed:
    """How many secrets are sealed anew, how many somebody else wrote meanwhile, and which no key opens."""

    done: int = 0
    overtaken: int = 0
    unreadable: list[str] = field(default_factory=list)


def reseal() -> Resealed:
    """Seal every secret anew, each in a statement of its own that changes nothing written meanwhile."""
    came = Resealed()
    for model, column in SEALED:
        for pk, sealed in _sealed(model, column):
            try:
                anew = crypto.encrypt(crypto.decrypt(sealed))
            except InvalidToken:
                came.unreadable.append(f"{model._meta.label} {pk}, {column}")
                continue
            same = model._default_manager.filter(pk=pk, **{column: sealed})
            if same.update(**{column: anew}):
                came.done += 1
            else:
                came.overtaken += 1
    return came


def _sealed(model: type[Model], column: str) -> Iterator[tuple[int, str]]:
    """Key and sealed secret of every row that has one, a portion at a time, in the order of the keys."""
    rows = model._default_manager.exclude(**{column: ""}).order_by("pk").values_list("pk", column)
    last = 0
    while portion := list(rows.filter(pk__gt=last)[:_PORTION]):
        yield from portion
        last = portion[-1][0]
