"""The second factor of our own staff: set up, shown at each sign-in to the console, renewed, and taken away.

Every change is written into the person's history, which the console shows.
"""

import secrets
from base64 import b32encode
from urllib.parse import quote, urlencode

from django.db import transaction
from django.utils import timezone

from partners.membership import note
from partners.models import Authenticator, RecoveryCode, User
from partners.models.second_factor import DIGITS, STEP_SECONDS
from zipingest import crypto

ISSUER = "Zipingest"
RECOVERY_CODES = 10
_SECRET_BYTES = 20  # as long as a SHA-1, as RFC 4226 recommends
# No I, O, 0 or 1: a code is read from paper. 16 of 32 are 80 bits.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_GROUPS, _GROUP_LENGTH = 4, 4


class WrongCode(Exception):
    """Not the code of now, used already, or no recovery code; which of them is not said."""


class AlreadySetUp(Exception):
    """There is an authenticator: it goes first."""


class TooManyCodes(Exception):
    """``seconds``: until the next code is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many wrong codes. Try again in {seconds} seconds.")
        self.seconds = seconds


def new_secret() -> str:
    """What app and server share, in base32, as apps take it."""
    return b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def uri(*, user: User, secret: str) -> str:
    """What the QR code says (https://github.com/google/google-authenticator/wiki/Key-Uri-Format)."""
    label = quote(f"{ISSUER}:{user.get_username()}", safe=":")
    asked = {"secret": secret, "issuer": ISSUER, "period": STEP_SECONDS, "digits": DIGITS}
    return f"otpauth://totp/{label}?{urlencode(asked)}"


@transaction.atomic
def set_up(*, user: User, secret: str, code: str) -> tuple[Authenticator, list[str]]:
    """An authenticator that has shown ``code``, and its recovery codes, this once.

    Raises WrongCode, AlreadySetUp.
    """
    User.objects.select_for_update(no_key=True, of=("self",)).get(pk=user.pk)
    if is_set_up(user):
        raise AlreadySetUp
    authenticator = Authenticator.objects.create(user=user, sealed_secret=crypto.encrypt(secret))
    if not authenticator.verify_token(code):
        raise WrongCode
    codes = _make_codes(authenticator)
    note(user, user, "Second factor set up.")
    return authenticator, codes


def verify(*, user: User, code: str) -> Authenticator:
    """The authenticator of ``user``, whose code this is or whose recovery code.

    Raises WrongCode, and TooManyCodes before the code is looked at.
    """
    # Not one transaction with the refusal: that a code was wrong is to be remembered.
    with transaction.atomic():
        found: Authenticator | None = Authenticator.objects.select_for_update().filter(user=user).first()
        seconds = _seconds_to_wait(found)
        accepted = found is not None and found.verify_token(code)
    if seconds:
        raise TooManyCodes(seconds)
    if found is None or not accepted:
        raise WrongCode
    return found


def renew_codes(*, user: User, code: str) -> list[str]:
    """New recovery codes in place of all that were left. Raises WrongCode, TooManyCodes."""
    authenticator = verify(user=user, code=code)
    with transaction.atomic():
        authenticator.recovery_codes.all().delete()
        codes = _make_codes(authenticator)
        note(user, user, "Recovery codes renewed.")
    return codes


@transaction.atomic
def remove(*, user: User, by: User, how: str = "") -> bool:
    """Whether there was one. Sessions that have shown it count for nothing from the next request on.

    ``how`` goes into the history, behind what was done.
    """
    _, deleted = Authenticator.objects.filter(user=user).delete()
    if not deleted:
        return False
    note(user, by, f"Second factor removed{how}.")
    return True


def is_set_up(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user).exists())


def codes_left(authenticator: Authenticator) -> int:
    return RecoveryCode.objects.filter(authenticator=authenticator).count()


def _make_codes(authenticator: Authenticator) -> list[str]:
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(authenticator=authenticator, digest=RecoveryCode.digest_of(code)) for code in codes
    )
    return codes


def _new_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def _seconds_to_wait(authenticator: Authenticator | None) -> int:
    """0 where the next code is looked at now."""
    if authenticator is None:
        return 0
    allowed, why = authenticator.verify_is_allowed()
    return 0 if allowed else max(1, int((why["locked_until"] - timezone.now()).total_seconds()) + 1)
