"""Where a recording comes from. Every source streams into a file under the same caps and deadlines.

The row says which: the scheme of its ``source_url`` names the source. What a request names is a web address,
checked before it is stored; the others are written by ourselves.
"""

from pathlib import Path

from calls.models import Recording, StoreKind
from calls.sources.base import Source
from calls.sources.direct import Direct
from calls.sources.telephony import Telephony
from calls.sources.web import Web
from calls.telephony import PROVIDERS
from partners import outbound
from partners.outbound import Download

_WEB = Web()
SOURCES: dict[str, Source] = {
    **dict.fromkeys(outbound.RECORDING_SCHEMES, _WEB),
    **dict.fromkeys(StoreKind.values, Direct()),
    **dict.fromkeys(PROVIDERS, Telephony()),
}


def fetch(recording: Recording, *, to: Path) -> Download:
    """Stream the recording's bytes into the file ``to``. Raises partners.outbound.OutboundError."""
    scheme = recording.source_url.partition(":")[0].lower()
    # The one outbound client has words for whatever is no address.
    source = SOURCES.get(scheme, _WEB)
    with to.open("wb") as file:
        return source.fetch(recording, file)
