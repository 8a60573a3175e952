"""What still hangs on which version of the peppers (``settings.API_KEY_PEPPERS``), before one is given up.

Keys and tokens are issued anew, and their old ones end. What is on a do-not-call list, and the proofs of
erasures, are hashes of identifiers that nobody has kept: their pepper has to stay.
"""

from collections import Counter

from django.conf import settings
from django.db.models import CharField, Count, F, Model, Q, Value
from django.db.models.functions import StrIndex, Substr

from calls.models import DoNotCall, Erasure
from partners.models import AccessToken, ApiKey
from zipingest import work


def configured() -> list[int]:
    """The versions; under the first, new things are kept."""
    return [int(pepper.partition(":")[0]) for pepper in settings.API_KEY_PEPPERS]


def in_use() -> dict[int, Counter[str]]:
    """Per version what hangs on it, counted in the words of the console. Reads the tables whole."""
    found: dict[int, Counter[str]] = {}
    for model in (ApiKey, AccessToken):
        for version, count in _usable(model).items():
            found.setdefault(version, Counter())[str(model._meta.verbose_name_plural)] += count
    for hashed, column, words in (
        (DoNotCall, "phone_hash", "do-not-call entries"),
        (Erasure, "identifier_hash", "erasures"),
    ):
        for version, count in _hashed(hashed, column).items():
            found.setdefault(version, Counter())[words] += count
    return found


def _usable(model: type[Model]) -> dict[int, int]:
    """What is neither revoked nor expired."""
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=work.database_now())
    usable = model._default_manager.filter(lasting, revoked_at__isnull=True).order_by()
    return dict(usable.values_list("pepper_version").annotate(count=Count("pk")))


def _hashed(model: type[Model], column: str) -> dict[int, int]:
    """Hashes begin with their version and a colon (calls.hashes)."""
    version = Substr(F(column), 1, StrIndex(F(column), Value(":")) - 1, output_field=CharField())
    counted = model._default_manager.order_by().values_list(version).annotate(count=Count("pk"))
    return {int(text): count for text, count in counted}
