"""Pages of an account's batches."""

from django.urls import path

from calls.dialer.views import batch, batches

urlpatterns = [
    path("batches", batches.BatchesPage.as_view(), name="batches"),
    path("batches/list", batches.BatchesPart.as_view(), name="batches-list"),
    path("batches/<str:batch_id>", batch.BatchPage.as_view(), name="batch"),
    path("batches/<str:batch_id>/standing", batch.StandingPart.as_view(), name="batch-standing"),
    path("batches/<str:batch_id>/start", batch.StartPage.as_view(), name="batch-start"),
    path("batches/<str:batch_id>/stop", batch.StopPage.as_view(), name="batch-stop"),
    path(
        "batches/<str:batch_id>/contacts/<str:contact_id>/again",
        batch.DialAgainPage.as_view(),
        name="batch-again",
    ),
]
