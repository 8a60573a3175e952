import pytest

from partners.models import SubTenant
from tests.support import factories


@pytest.fixture
def account(db: None) -> SubTenant:
    return factories.account()
