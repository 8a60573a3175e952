"""Every test of the work mechanism sees committed rows, as workers do."""

import pytest


@pytest.fixture(autouse=True)
def _committed_rows(transactional_db: None) -> None:
    pass
