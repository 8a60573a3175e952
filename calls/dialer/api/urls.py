from django.urls import path, register_converter

from calls.dialer.api.views import (
    BatchViewSet,
    CallsViewSet,
    RecordingViewSet,
    ResultsViewSet,
    SwitchViewSet,
    UploadViewSet,
)


class UuidHex:
    """A call's uuid as 32 hexadecimal digits."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(UuidHex, "uuid_hex")

urlpatterns = [
    path("createBatch", BatchViewSet.as_view({"post": "create"}, scope="ingest"), name="dialer-create"),
    path("addCallsToBatch", CallsViewSet.as_view({"post": "create"}), name="dialer-add"),
    path("start-calling", SwitchViewSet.as_view({"post": "start"}), name="dialer-start"),
    path("stop-calling", SwitchViewSet.as_view({"post": "stop"}), name="dialer-stop"),
    path("upload", UploadViewSet.as_view({"post": "create"}), name="dialer-upload"),
    path("batches", BatchViewSet.as_view({"get": "newest"}), name="dialer-batches"),
    # The vendor's clients name a user here; whose batches they are, the key says.
    path(
        "batches/<str:user_id>",
        BatchViewSet.as_view({"get": "newest_of_user"}),
        name="dialer-batches-of-user",
    ),
    path("batch-details/<str:batch_id>", BatchViewSet.as_view({"get": "retrieve"}), name="dialer-batch"),
    path(
        "delete-batch/<str:batch_id>",
        BatchViewSet.as_view({"delete": "destroy"}, scope="ingest"),
        name="dialer-delete",
    ),
    path("export/csv", ResultsViewSet.as_view({"get": "retrieve"}), name="dialer-results"),
    path("recording/<uuid_hex:uuid>", RecordingViewSet.as_view({"get": "stream"}), name="dialer-recording"),
]
