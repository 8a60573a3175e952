"""That the demo would notice a network's call that is not as it should be."""

from dataclasses import replace
from typing import Any

import pytest

from demo import network
from demo.network import AGENT, CUSTOMER, NetworkCall
from tests.support import audio

GOOD = NetworkCall(
    codes=(201, 202, 409),
    status={"state": "completed", "error": None},
    corrected={"signals": [{"name": "Sale", "revenue": "125.50", "corrects_transaction_id": "1"}]},
    wav=audio.wav(1.0, channels=2, tones=(CUSTOMER, AGENT)),
)


def test_it_finds_no_difference_where_there_is_none() -> None:
    assert list(network.of_network(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"codes": (201, 201, 409)}, "answered (201, 201, 409)"),
        ({"status": {"state": "failed", "error": "no such file"}}, "is failed: no such file"),
        ({"wav": audio.wav(1.0, channels=2, tones=(AGENT, CUSTOMER))}, "not on the first channel"),
        ({"corrected": {"errors": {}}}, "the signal was not corrected"),
    ],
)
def test_it_names_what_differs(changes: dict[str, Any], difference: str) -> None:
    assert difference in "\n".join(network.of_network(replace(GOOD, **changes)))
