from django.urls import path

from exports.api.views import ExportViewSet

urlpatterns = [
    path("export-bulk", ExportViewSet.as_view({"post": "create", "get": "newest"}), name="telesales-exports"),
    path(
        "export-bulk/<str:job_id>",
        ExportViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="telesales-export",
    ),
    path(
        "export-bulk/<str:job_id>/download",
        ExportViewSet.as_view({"get": "download", "head": "download"}),
        name="telesales-export-download",
    ),
]
