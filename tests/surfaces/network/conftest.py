import pytest

from tests.support.network import NetworkClient, Networked, networked


@pytest.fixture
def network(db: None) -> Networked:
    """Calls that are a network's: see tests/support/network.py."""
    return networked()


@pytest.fixture
def api(network: Networked) -> NetworkClient:
    return NetworkClient(network.token)
