"""How large a form may be."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from zipingest.api.body import is_longer
from zipingest.api.errors import ErrorAnswer, render

_SURFACES = "/api/"


class BoundedForms:
    """Middleware: answers 413 to more than settings.FORM_MAX_BYTES, other than on the surfaces of the API.

    Those judge their bodies themselves. A form is read by Django before anybody has looked at who sends it:
    its text into the memory and its files onto the disk. Without Content-Length Django reads nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(_SURFACES) and is_longer(request, settings.FORM_MAX_BYTES):
            return render(request, ErrorAnswer(413, "Request body is too large"))
        return self._get_response(request)
