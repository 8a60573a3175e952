from django.urls import path, register_converter

from calls.api.network.calls import CallsViewSet, CallViewSet, RetryViewSet
from calls.api.network.transactions import TransactionsViewSet


class Version:
    """A version of the API, which is a date; one that we do not know is told so by the view."""

    regex = "[0-9][^/]*"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Version, "version")

urlpatterns = [
    path(
        "<version:version>/calls.json",
        CallsViewSet.as_view({"post": "create", "put": "create"}),
        name="network-calls",
    ),
    path(
        "<version:version>/calls/<str:cuid>.json",
        CallViewSet.as_view({"get": "retrieve"}),
        name="network-call",
    ),
    path(
        "<version:version>/calls/<str:cuid>/retry.json",
        RetryViewSet.as_view({"post": "retry"}),
        name="network-call-retry",
    ),
    path(
        "<version:version>/transactions.json",
        TransactionsViewSet.as_view({"post": "report", "put": "report"}),
        name="network-transactions",
    ),
]
