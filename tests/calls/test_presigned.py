"""The expiry of presigned URLs, as Amazon, Google and Azure write it."""

from datetime import UTC, datetime

import pytest

from calls.presigned import expiry_of

SIGNATURE_4 = "https://b.s3.amazonaws.com/a.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=f00"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        f"{SIGNATURE_4}&X-Amz-Date=20260601T110000Z&X-Amz-Expires=3600",
        "https://storage.googleapis.com/b/a.wav?X-Goog-Date=20260601T110000Z&X-Goog-Expires=3600",
        "https://b.s3.amazonaws.com/a.wav?AWSAccessKeyId=AK&Signature=f00&Expires=1780315200",
        "https://a.blob.core.windows.net/c/a.wav?sv=2024-11-04&se=2026-06-01T12%3A00%3A00Z&sig=f00",
        "https://a.blob.core.windows.net/c/a.wav?sv=2024-11-04&se=2026-06-01T12%3A00&sig=f00",
    ],
    ids=["amazon 4", "google", "amazon 2", "azure", "azure without zone"],
)
def test_it_reads_when_a_presigned_url_ends(url: str) -> None:
    assert expiry_of(url) == NOON


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.wav",
        "https://example.com/a.wav?expires=1780315200",
        "https://example.com/a.wav?se=2026-06-01",
        f"{SIGNATURE_4}&X-Amz-Date=yesterday&X-Amz-Expires=3600",
        f"{SIGNATURE_4}&X-Amz-Date=99991231T235959Z&X-Amz-Expires=99999999",
        "https://a.blob.core.windows.net/c/a.wav?se=0001-01-01T00:00:00%2B10:00&sig=f00",
        f"{SIGNATURE_4}&X-Amz-Date=20260601T110000Z&X-Amz-Expires=soon",
        f"{SIGNATURE_4}&X-Amz-Date=20260601T110000Z&X-Amz-Expires={'9' * 400}",
        "https://a.blob.core.windows.net/c/a.wav?se=later&sig=f00",
        f"https://b.s3.amazonaws.com/a.wav?Signature=f00&Expires={'9' * 40}",
    ],
)
def test_it_knows_nothing_of_urls_that_do_not_say(url: str) -> None:
    assert expiry_of(url) is None
