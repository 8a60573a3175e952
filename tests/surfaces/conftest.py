import pytest

from partners import quota
from partners.provisioning import Provisioned
from tests.support import factories
from tests.support.api import PartnerClient


@pytest.fixture(autouse=True)
def _fresh_quota() -> None:
    """A rolled-back test gives its partner's number to the next one; the requests it spent must not stay."""
    quota.reset()


@pytest.fixture
def partner(db: None) -> Provisioned:
    return factories.provisioned(name="Partner One")


@pytest.fixture
def api(partner: Provisioned) -> PartnerClient:
    return PartnerClient(partner)
