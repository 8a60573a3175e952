"""The WSGI application that gunicorn serves."""

import gc
import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zipingest.settings")


class Request(WSGIRequest):
    """Everything here is UTF-8.

    Django would read a request in whatever ``charset`` its Content-Type names, and with some of Python's
    (``rot13``) fails before any handler of ours could answer.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        kept = meta.get("CONTENT_TYPE", "")
        without = ";".join(part for part in kept.split(";") if "charset" not in part.lower())
        super()._set_content_type_params(  # type: ignore[misc]  # Django's own, unknown to its stubs
            {"CONTENT_TYPE": without}
        )


application = get_wsgi_application()
application.request_class = Request

# A request makes thousands of objects that reference counting alone takes away. To look for cycles in
# them, and again and again in all that was loaded once, would cost a fifth of its time.
gc.freeze()
gc.set_threshold(20_000, 20, 20)
