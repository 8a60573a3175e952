from django.urls import path

from calls.api.telesales.views import RecordingViewSet

urlpatterns = [
    path("recordings", RecordingViewSet.as_view({"get": "newest"}), name="telesales-recordings"),
    path("recordings/<uuid:uuid>", RecordingViewSet.as_view({"get": "stream"}), name="telesales-recording"),
    path(
        "recordings/<uuid:uuid>/download",
        RecordingViewSet.as_view({"get": "download"}),
        name="telesales-recording-download",
    ),
]
