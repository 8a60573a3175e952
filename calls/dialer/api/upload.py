"""The one body that is no JSON: a form with a file of contacts."""

from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http.multipartparser import MultiPartParserError
from django.http.request import HttpRequest, UnreadablePostError

from calls.dialer.table import RowProblem
from zipingest.api.errors import ApiError

MAX_BODY_BYTES = 40 * 1024 * 1024


def form_of(request: HttpRequest) -> "tuple[dict[str, list[str]], UploadedFile[Any] | None]":
    """The form's fields, and its file, whatever its name; beyond a few MB the file lies on the disk.

    Raises ApiError: 411 without Content-Length, 413 over MAX_BODY_BYTES, 415 for another media type than
    multipart/form-data, 400 for what is none.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()):
        raise ApiError(411)
    if len(length) > 15 or int(length) > MAX_BODY_BYTES:
        raise ApiError(413)
    if request.content_type != "multipart/form-data":
        raise ApiError(415)
    try:
        fields, files = request.POST, request.FILES
    except (MultiPartParserError, SuspiciousOperation, BadRequest, UnreadablePostError) as error:
        raise ApiError(400, "The request body is no multipart form") from error
    given = [file for name in files for file in files.getlist(name)]
    if len(given) > 1:
        raise ApiError(400, "The form has more than one file")
    return {name: [str(value) for value in fields.getlist(name)] for name in fields}, next(iter(given), None)


def row_errors(problems: list[RowProblem]) -> list[dict[str, str | int]]:
    return [{"row": one.row, "field": one.problem.field, "error": one.problem.error} for one in problems]
