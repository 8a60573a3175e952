"""Telephone numbers as texts."""

import re

from django.core.validators import RegexValidator

# E.164 by its form; which numbers there are is nobody's business here.
E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)

must_be_e164 = RegexValidator(rf"\A{E164.pattern}\Z", "Begin with + and the country's code; up to 15 digits.")


def compact(typed: str) -> str:
    """A number without what people put between its digits."""
    return "".join(sign for sign in typed if sign not in " -()/.")
