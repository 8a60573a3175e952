"""Errors outside the API's surfaces: a page for a browser, JSON for everybody else."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from tests.support.factories import headers, make_machine, person, provisioned

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere/"])
def test_a_browser_gets_a_page(path: str) -> None:
    client = Client(headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    client.force_login(person(is_staff=True, is_superuser=True))
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing at this address" in answer.content.decode()


def test_a_program_gets_json() -> None:
    answer = Client(headers={"Accept": "application/json"}).get("/nowhere")
    assert (answer.status_code, answer.json()) == (404, {"message": "Resource not found"})


def test_a_surface_answers_in_its_envelope_whatever_is_accepted() -> None:
    answer = Client(headers={"Accept": "text/html"}).get("/api/v1/partner/nowhere")
    assert (answer.status_code, answer.json()["success"]) == (404, False)


def test_without_its_database_a_request_is_to_be_sent_again() -> None:
    client, page = Client(raise_request_exception=False), Client(raise_request_exception=False)
    page.force_login(person())
    partner, member = headers(provisioned()), make_machine()

    def is_away(*_: Any) -> None:
        raise OperationalError("the connection is lost")

    with connection.execute_wrapper(is_away):
        answers = [
            client.get("/api/v1/partner/ingest/calls", headers=partner),
            client.get("/api/telesales/recordings", headers=member),
            page.get("/library", headers={"Accept": "text/html"}),
        ]
    assert [(answer.status_code, answer["Retry-After"]) for answer in answers] == [(503, "10")] * 3
    assert answers[0].json() == {"success": False, "message": "Temporarily unavailable"}
    assert answers[1].json() == {"message": "Temporarily unavailable"}
    assert "Temporarily unavailable" in answers[2].content.decode()
