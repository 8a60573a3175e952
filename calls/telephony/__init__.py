"""Who carries calls: providers behind one port (``calls.telephony.port``), found by their names.

``TELEPHONY_PROVIDER`` names the one that new calls are placed with; a call stays with the one that has it.
"""

from django.conf import settings

from calls.telephony.asterisk import Asterisk
from calls.telephony.port import Provider, Unavailable
from calls.telephony.simulator import Simulator

PROVIDERS: dict[str, type[Provider]] = {one.name: one for one in (Simulator, Asterisk)}


def provider(name: str) -> Provider:
    """The provider of that name. Raises Unavailable where there is none (any more)."""
    if name not in PROVIDERS:
        raise Unavailable(f"there is no telephony provider {name}")
    return PROVIDERS[name]()


def configured() -> Provider | None:
    """The provider of new calls; None where calls are carried elsewhere, and only registered here."""
    return provider(settings.TELEPHONY_PROVIDER) if settings.TELEPHONY_PROVIDER else None
