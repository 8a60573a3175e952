from django.urls import path

from calls.api.telesales.dispositions import CodeViewSet
from calls.api.telesales.live import LiveCallViewSet
from calls.api.telesales.views import RecordingViewSet

_CALL = "calls/<uuid:uuid>"

urlpatterns = [
    path("recordings", RecordingViewSet.as_view({"get": "newest"}), name="telesales-recordings"),
    path("recordings/<uuid:uuid>", RecordingViewSet.as_view({"get": "stream"}), name="telesales-recording"),
    path(
        "recordings/<uuid:uuid>/download",
        RecordingViewSet.as_view({"get": "download"}),
        name="telesales-recording-download",
    ),
    path("calls", LiveCallViewSet.as_view({"get": "newest", "post": "register"}), name="telesales-calls"),
    path(_CALL, LiveCallViewSet.as_view({"get": "retrieve"}), name="telesales-call"),
    path(f"{_CALL}/hangup", LiveCallViewSet.as_view({"post": "hang_up"}), name="telesales-hangup"),
    path(f"{_CALL}/disposition", LiveCallViewSet.as_view({"post": "dispose"}), name="telesales-disposition"),
    path(f"{_CALL}/recording/pause", LiveCallViewSet.as_view({"post": "pause"}), name="telesales-pause"),
    path(f"{_CALL}/recording/resume", LiveCallViewSet.as_view({"post": "resume"}), name="telesales-resume"),
    path("dispositions", CodeViewSet.as_view({"get": "listed", "post": "create"}), name="telesales-codes"),
    path(
        "dispositions/<int:id>",
        CodeViewSet.as_view({"put": "change", "delete": "destroy"}),
        name="telesales-code",
    ),
]
