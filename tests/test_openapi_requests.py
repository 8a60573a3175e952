"""The API against its own document: generated requests of every operation are answered as it says.

Making them takes seconds before the first test: `make test` passes this file over.
"""

from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from partners import quota
from tests.support import dialer_api, factories
from tests.support.network import networked
from tests.test_openapi import DIALER_PATH, MEMBER_PATHS, NETWORK_PATHS, OPERATIONS
from zipingest.wsgi import application

load_all_checks()

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def explore(examples: int) -> Any:
    """A test that sends generated requests of every operation and compares the answers with the document."""
    schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", application)
    # There PUT is another word for POST.
    of_networks = [path for _, path in OPERATIONS if path.startswith(NETWORK_PATHS)]
    schema = schema.exclude(method="PUT", path=of_networks)

    @schema.parametrize()
    @seed(20240501)
    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def test(case: schemathesis.Case, callers: dict[str, dict[str, str]]) -> None:
        quota.reset()
        cache.clear()
        case.call_and_validate(headers=_headers(case.path, callers), checks=CHECKS)

    return test


def _headers(path: str, callers: dict[str, dict[str, str]]) -> dict[str, str]:
    """A member's are made for each request, as one that signs out has none any more."""
    if path.startswith(MEMBER_PATHS):
        return factories.make_member()
    if path.startswith(DIALER_PATH):
        return dialer_api.client().headers
    return callers["network" if path.startswith(NETWORK_PATHS) else "partner"]


@pytest.fixture
def callers(transactional_db: None) -> dict[str, dict[str, str]]:
    provisioned = factories.provisioned(rate_limit=1_000_000)
    factories.ingest(provisioned)
    network = networked(rate_limit=1_000_000)
    return {"partner": factories.headers(provisioned), "network": {"Authorization": network.token}}


test_generated_requests_are_answered_as_documented = pytest.mark.slow(explore(120))
