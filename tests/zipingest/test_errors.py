"""Errors outside the API's surfaces: a page for a browser, JSON for everybody else."""

import pytest
from django.test import Client

from tests.support.factories import person

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
