"""The partner's quota on requests: 120 in any 60 seconds unless the partner has another limit."""

import time

from partners import quota
from partners.api.authentication import too_many_requests
from partners.models import Partner
from partners.quota import Quota


def spend_quota(partner: Partner) -> dict[str, str]:
    """Count a request of ``partner``; the X-RateLimit headers of its answer. Raises ApiError 429."""
    spent = quota.spend(partner)
    headers = quota_headers(spent)
    if not spent.allowed:
        raise too_many_requests(spent.reset_after, headers)
    return headers


def quota_headers(spent: Quota) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(spent.limit),
        "X-RateLimit-Remaining": str(spent.remaining),
        "X-RateLimit-Reset": str(int(time.time()) + spent.reset_after),
    }
