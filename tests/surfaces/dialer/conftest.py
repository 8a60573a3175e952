from typing import Any

import pytest

from tests.support import dialer_api
from tests.support.dialer_api import DialerClient


@pytest.fixture
def dialer(db: None) -> DialerClient:
    return dialer_api.client("Workspace")


@pytest.fixture(autouse=True)
def _simulator(settings: Any) -> None:
    settings.TELEPHONY_PROVIDER = "simulator"
    settings.SIMULATOR_TALK_SECONDS = 0.2
