"""The application as gunicorn calls it."""

import io
from typing import Any

import pytest
from django.test import RequestFactory

from zipingest.wsgi import application

pytestmark = pytest.mark.django_db


def status_of(path: str, **environ: Any) -> str:
    """The status line of a GET, asked of the application itself."""
    lines: list[str] = []
    given = RequestFactory()._base_environ(PATH_INFO=path, **environ) | {"wsgi.input": io.BytesIO()}
    application(given, lambda status, headers: lines.append(status)).close()
    return lines[0]


@pytest.mark.parametrize("charset", ["rot13", "idna", "base64", "utf-16", "nonsense"])
def test_no_charset_of_a_request_keeps_it_from_being_answered(charset: str) -> None:
    content_type = f"application/json; charset={charset}"
    assert status_of("/healthz", QUERY_STRING="a=%FF", CONTENT_TYPE=content_type) == "200 OK"
