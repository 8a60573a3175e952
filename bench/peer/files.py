"""Bare Django views that serve ranges of the stored recordings: no keys, no audit, no conditions.

``bare`` finds the file by the call's uuid, as it must, in one query; ``file`` is told its key.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, HttpRequest
from django.urls import include, path

from calls.models import Recording

ROOT = Path(unquote(urlsplit(settings.STORAGE_URL).path))


def bare(request: HttpRequest, uuid: UUID) -> FileResponse:
    return serve(request, Recording.objects.get(call__uuid=uuid).key)


def serve(request: HttpRequest, key: str) -> FileResponse:
    first, last = map(int, re.findall(r"\d+", request.headers["Range"]))
    file = (ROOT / key).open("rb")
    size = file.seek(0, 2)
    file.seek(first)
    response = FileResponse(file, status=206, content_type="audio/wav")
    response["Content-Length"] = str(last + 1 - first)
    response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


urlpatterns = [
    path("bare/<uuid:uuid>", bare),
    path("file/<path:key>", serve),
    path("", include("zipingest.urls")),
]
