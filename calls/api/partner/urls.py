from django.urls import path, register_converter

from calls.api.partner.query import ExternalId
from calls.api.partner.views import (
    BatchViewSet,
    CallViewSet,
    DispositionViewSet,
    EventViewSet,
    IngestViewSet,
    RecordingViewSet,
)

register_converter(ExternalId, "external_id")

urlpatterns = [
    path("ingest/batch-call", IngestViewSet.as_view({"post": "create"}), name="partner-batch-call"),
    path(
        "ingest/disposition-status",
        DispositionViewSet.as_view({"put": "update"}),
        name="partner-disposition-status",
    ),
    path("ingest/batches/<uuid:uuid>", BatchViewSet.as_view({"get": "retrieve"}), name="partner-batch"),
    path("ingest/calls", CallViewSet.as_view({"get": "newest"}), name="partner-calls"),
    # Before the one below: an id may hold slashes. The status of a call whose id ends in "/recording" is told
    # by the list alone.
    path(
        "ingest/calls/<external_id:external_id>/recording",
        RecordingViewSet.as_view({"get": "stream"}),
        name="partner-recording",
    ),
    path(
        "ingest/calls/<external_id:external_id>",
        CallViewSet.as_view({"get": "retrieve"}),
        name="partner-call",
    ),
    path("events", EventViewSet.as_view({"get": "following"}), name="partner-events"),
]
