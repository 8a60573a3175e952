"""What a page of ours may load, as a Content-Security-Policy on every answer."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ContentSecurityPolicy:
    """Middleware: of settings.CONTENT_SECURITY_POLICIES, the one of the longest prefix that fits the path."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._policies = sorted(settings.CONTENT_SECURITY_POLICIES.items(), key=lambda item: -len(item[0]))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", self._policy_of(request.path))
        return response

    def _policy_of(self, path: str) -> str:
        return next(policy for prefix, policy in self._policies if path.startswith(prefix))
