"""Pages of an account's exports."""

from django.urls import path

from exports.views import ExportsPage

urlpatterns = [
    path("", ExportsPage.as_view(), name="exports"),
]
