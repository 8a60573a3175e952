"""What pages may load."""

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/login", "/library", "/nowhere", "/healthz"])
def test_our_pages_run_only_scripts_of_our_own_files(path: str) -> None:
    policy = Client().get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs"])
def test_the_console_and_the_documentation_have_policies_of_their_own(path: str) -> None:
    policy = Client().get(path)["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "default-src 'none'" in policy
