import time
from datetime import timedelta
from typing import Any

import pytest

from calls.dialer.services import following
from calls.telephony import simulator

TALK_SECONDS = 0.05


@pytest.fixture(autouse=True)
def _simulator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that ring and last for a moment only."""
    settings.TELEPHONY_PROVIDER = "simulator"
    settings.SIMULATOR_TALK_SECONDS = TALK_SECONDS
    monkeypatch.setattr(simulator, "RINGS", timedelta(seconds=TALK_SECONDS))


def talked() -> None:
    """Wait until the simulator's calls are over, and note it."""
    time.sleep(3 * TALK_SECONDS)
    for event in simulator.happened():
        following.note(event)
