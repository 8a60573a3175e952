"""Every address of the house. Rooms above are named by dotted string, so no import runs back up."""

from typing import Any

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from zipingest.api import health

# Their OPTIONS would describe them to DRF clients only, or fail for want of a template.
_READ_ONLY: dict[str, Any] = {"http_method_names": ["get", "head"]}

urlpatterns = [
    path("api/v1/partner/", include("calls.api.partner.urls")),
    path("api/auth/", include("partners.api.urls")),
    path("api/telesales/recordings/", include("exports.api.urls")),
    path("api/telesales/", include("calls.api.telesales.urls")),
    path("api/call/", include("calls.dialer.api.urls")),
    path("api/", include("calls.api.network.urls")),
    path("api/schema", SpectacularAPIView.as_view(**_READ_ONLY), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema", **_READ_ONLY), name="docs"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", include("calls.metrics")),
    path("", RedirectView.as_view(pattern_name="library", **_READ_ONLY), name="home"),
    path("", include("partners.urls")),
    path("", include("calls.urls")),
    path("", include("calls.dialer.urls")),
    path("", include("exports.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "zipingest.api.errors.bad_request"
handler403 = "zipingest.api.errors.permission_denied"
handler404 = "zipingest.api.errors.not_found"
handler500 = "zipingest.api.errors.server_error"
