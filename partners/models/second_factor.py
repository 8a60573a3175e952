"""The second factor of our own staff: the codes of an authenticator app, and what helps when it is lost."""

import hashlib
from base64 import b32decode
from typing import ClassVar

from django.db import models
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP

from partners.models.user import User
from zipingest import crypto

STEP_SECONDS, DIGITS = 30, 6
# Codes of the step before and the step after are taken too: clocks differ, and people type.
_TOLERANCE_STEPS = 1


class Authenticator(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]  # ships no hints
    """The app that shows a person's codes (TOTP, RFC 6238), as a device of django-otp.

    The tables of django-otp's own plugins would hold the shared secret and the recovery codes in clear.
    There is a row only once a code has proven that the app is set up.
    """

    # Of django-otp's columns: nobody has two to tell apart, and all are confirmed.
    name = ""
    confirmed = True
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="authenticator")
    sealed_secret = models.TextField(editable=False)
    # The latest time step whose code was taken: none is taken twice, nor one that came before it.
    last_step = models.BigIntegerField(default=-1, editable=False)

    def __str__(self) -> str:
        return f"authenticator of {self.user}"

    def get_throttle_factor(self) -> int:
        """Seconds to wait after the first wrong code; each further one doubles them."""
        return 1

    def verify_token(self, token: str) -> bool:
        """Whether ``token`` is a code of now or an unspent recovery code; it is spent by that.

        Every wrong one makes the next wait longer, and while it waits even the right one is refused. Two at
        once must not pass with one code: call it with the row locked (partners.second_factor).
        """
        allowed, _ = self.verify_is_allowed()
        if not allowed:
            return False
        accepted = self._is_of_now(token) or self._is_recovery_code(token)
        if accepted:
            self.throttle_reset(commit=False)
            self.set_last_used_timestamp(commit=False)
        else:
            self.throttle_increment(commit=False)
        self.save()
        return accepted

    def _is_of_now(self, token: str) -> bool:
        digits = token.replace(" ", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) == DIGITS):
            return False
        clock = TOTP(b32decode(crypto.decrypt(self.sealed_secret)), step=STEP_SECONDS, digits=DIGITS)
        if not clock.verify(int(digits), tolerance=_TOLERANCE_STEPS, min_t=self.last_step + 1):
            return False
        self.last_step = clock.t()
        return True

    def _is_recovery_code(self, token: str) -> bool:
        spent, _ = self.recovery_codes.filter(digest=RecoveryCode.digest_of(token)).delete()
        return bool(spent)


class RecoveryCode(models.Model):
    """A code that opens the console once, without the app; it is deleted by that.

    Made of 80 random bits: nobody finds one by its hash, so that hash needs neither salt nor slowness.
    """

    authenticator = models.ForeignKey(Authenticator, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["authenticator", "digest"], name="recovery_code_once")
        ]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"

    @staticmethod
    def digest_of(code: str) -> str:
        """Of the code as it is shown, or as somebody typed it: in small letters, without dashes."""
        plain = "".join(character for character in code.upper() if character.isalnum())
        return hashlib.sha256(plain.encode()).hexdigest()
