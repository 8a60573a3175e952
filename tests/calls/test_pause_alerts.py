"""Recordings that are paused for too long: told once, in the log, in the metrics and by mail."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from structlog.testing import capture_logs

from calls.models import Call, Pause
from calls.services import alerts
from calls.services import live as services
from calls.services.live import HangUp
from partners.models import Role
from tests.support import factories, live
from tests.support.services import free_port
from zipingest import work

pytestmark = pytest.mark.django_db


@pytest.fixture
def call() -> Call:
    """Paused for eleven minutes, and still."""
    call = live.begin()
    live.pause(call)
    Pause.objects.update(paused_at=work.database_now() - timedelta(minutes=11))
    return call


@pytest.fixture
def leaders() -> list[str]:
    """The addresses of those who are told; others have one too."""
    factories.person(Role.ADMIN, email="admin@example.com")
    factories.person(Role.SUPERVISOR, email="supervisor@example.com")
    factories.person(Role.SUPERVISOR)
    factories.person(Role.SUPERVISOR, email="gone@example.com", is_active=False)
    factories.person(Role.AGENT, email="agent@example.com")
    factories.person(Role.READ_ONLY, email="reader@example.com")
    factories.person(Role.ADMIN, factories.account("elsewhere"), email="elsewhere@example.com")
    return ["admin@example.com", "supervisor@example.com"]


def test_the_accounts_leaders_are_told_once(call: Call, leaders: list[str]) -> None:
    with capture_logs() as logs:
        assert [alerts.tell_of_overlong(), alerts.tell_of_overlong()] == [1, 0]

    (message,) = mail.outbox
    assert message.to == leaders
    assert str(call.uuid) in message.body
    assert live.PHONE not in message.body
    assert message.content_subtype == "plain"
    assert Pause.objects.get().alerted_at
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["pause_overlong"]


@pytest.mark.parametrize(
    ("paused_for", "resumed_after", "told"),
    [
        (timedelta(minutes=9), None, 0),
        (timedelta(minutes=10), None, 1),
        (timedelta(minutes=30), timedelta(minutes=9), 0),
        (timedelta(minutes=30), timedelta(minutes=11), 1),
        (timedelta(days=1), None, 1),
    ],
)
def test_what_lasts_too_long_is_told(
    call: Call, paused_for: timedelta, resumed_after: timedelta | None, told: int
) -> None:
    began = work.database_now() - paused_for
    Pause.objects.update(paused_at=began, resumed_at=began + resumed_after if resumed_after else None)

    assert alerts.tell_of_overlong() == told


def test_an_open_pause_ends_with_its_call(call: Call) -> None:
    began = work.database_now() - timedelta(minutes=30)
    Call.objects.update(started_at=began)
    Pause.objects.update(paused_at=began)
    services.hang_up(call=Call.objects.get(), how=HangUp(ended_at=began + timedelta(minutes=5)))

    assert alerts.tell_of_overlong() == 0


def test_the_limit_is_a_setting(call: Call, settings: Any) -> None:
    settings.PAUSE_ALERT_SECONDS = 3600
    assert alerts.tell_of_overlong() == 0


def test_a_mail_server_that_is_away_is_told_in_the_log(call: Call, leaders: list[str], settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    settings.EMAIL_HOST_PASSWORD = "secret"

    with capture_logs() as logs:
        assert alerts.tell_of_overlong() == 1

    assert [line["event"] for line in logs] == ["pause_overlong", "mail_not_sent"]
    assert "secret" not in str(logs)
    assert Pause.objects.get().alerted_at


def test_the_metrics_tell_how_many_are_paused_and_overlong(call: Call) -> None:
    live.pause(live.begin())
    alerts.tell_of_overlong()

    text = Client().get("/metrics").content.decode()

    assert 'zipingest_paused_recordings{state="open"} 2.0' in text
    assert 'zipingest_paused_recordings{state="overlong"} 1.0' in text
