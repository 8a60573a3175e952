import pytest

from partners.provisioning import Provisioned
from tests.support import factories
from tests.support.api import PartnerClient


@pytest.fixture
def partner(db: None) -> Provisioned:
    return factories.provisioned(name="Partner One")


@pytest.fixture
def api(partner: Provisioned) -> PartnerClient:
    return PartnerClient(partner)
