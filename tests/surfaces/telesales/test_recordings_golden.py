"""The seed's requests for one recording, and its answers to the letter."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calls.models import Call, Recording
from tests.support import recordings
from tests.surfaces.telesales.conftest import Account

GOLDEN = json.loads(Path(__file__, "../golden/recordings.json").resolve().read_text())
UUID = "093e1024-4a5b-4c6d-8e7f-0123456789ab"


def arrange(account: Account, name: str) -> None:
    Call.objects.update(uuid=UUID, started_at=datetime(2026, 6, 6, 9, 30, tzinfo=UTC))
    if name.endswith("of no recording"):
        Recording.objects.all().delete()
    if name.endswith("past retention"):
        recordings.keep_until(account.call, datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", GOLDEN)
def test_the_seeds_answer_is_given(account: Account, name: str) -> None:
    request, expected = GOLDEN[name]["request"], GOLDEN[name]["answer"]
    arrange(account, name)

    answer = account.get(request["path"].format(uuid=UUID), **request.get("headers", {}))

    assert answer.status_code == expected["status"]
    for header, value in expected.get("headers", {}).items():
        assert answer[header] == value.replace("<bytes>", str(len(account.wav)))
    if "body" in expected:
        assert answer.json() == expected["body"]
