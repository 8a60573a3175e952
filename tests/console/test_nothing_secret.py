"""Nothing planted as a secret is on any page of the console, in any row in clear, or in any line logged."""

import logging
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, reverse

from calls.models import AuthMethod, Recording, StoreKind
from tests.calls import sourcing
from tests.support.network import NetworkClient, call_body, networked
from tests.support.services import free_port
from tests.support.stored import everything_stored
from zipingest import work

SECRETS = ("planted-bearer", "planted-password", "planted-signature", "planted-page")


def pages() -> Iterator[str]:
    """Every list of the console, and the page of each row that has one."""
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        for pk in model._default_manager.values_list("pk", flat=True)[:20]:
            for page in ("change", "history"):
                try:
                    yield reverse(f"{name}_{page}", args=[pk])
                except NoReverseMatch:  # not every model has every page
                    continue


@pytest.mark.slow  # it opens every page of the console
@pytest.mark.django_db
def test_what_was_planted_stands_nowhere(
    administrator: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    network, port = networked("subtenant1"), free_port()
    auth = sourcing.auth(
        "planted-bearer", name="Store", method=AuthMethod.BEARER, hosts=[f"127.0.0.1:{port}"]
    )
    sourcing.access(
        "planted-password",
        kind=StoreKind.SFTP,
        endpoint=f"127.0.0.1:{port}",
        account="recorder",
        host_key="ssh-ed25519 AAAA",
    )
    api, body = NetworkClient(network.token), NetworkClient(None)
    secured = {"recording_url": f"https://127.0.0.1:{port}/a.wav", "recording_auth_config_id": auth.pk}
    signed = {"recording_url": f"http://127.0.0.1:{port}/b.wav?X-Amz-Signature=planted-signature"}
    answers = [
        api.post_call("secured", **secured),
        body.post(call_body("signed", oauth_token=network.token, **signed)),
        api.post_call("file", recording_url=..., recording_filename="a.wav"),
        api.post_call("refused", call_direction="planted-page", oauth_token=network.token),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 403]
    while work.run_one(Recording):
        continue
    shown = {url: administrator.get(url) for url in pages()}
    assert {answer.status_code for answer in shown.values()} <= {200, 302}
    assert len(shown) > 40
    secrets = [*SECRETS, network.issued.secret]
    for url, answer in shown.items():
        assert [secret for secret in secrets if secret in answer.content.decode()] == [], url
    said = "\n".join([caplog.text, *capfd.readouterr()])
    assert [secret for secret in secrets if secret in said] == []
    # The URL itself is what is fetched: its signature is in that one column.
    held = {name: rows for name, rows in everything_stored().items() if name != "Recording"}
    assert [secret for secret in secrets if secret in str(held)] == []
