"""Pages of an account's exports."""

from django.urls import path

from exports.views import job, orders

urlpatterns = [
    path("exports", orders.ExportsPage.as_view(), name="exports"),
    path("exports/estimate", orders.EstimatePart.as_view(), name="exports-estimate"),
    path("exports/agents", orders.AgentsPart.as_view(), name="exports-agents"),
    path("exports/dispositions", orders.DispositionsPart.as_view(), name="exports-dispositions"),
    path("exports/order", orders.OrderPage.as_view(), name="exports-order"),
    path("exports/<str:job_id>", job.JobPage.as_view(), name="exports-job"),
    path("exports/<str:job_id>/standing", job.StandingPart.as_view(), name="exports-standing"),
    path("exports/<str:job_id>/discard", job.DiscardPage.as_view(), name="exports-discard"),
    path("exports/<str:job_id>/retry", job.RetryPage.as_view(), name="exports-retry"),
    path("exports/<str:job_id>/supplement", job.SupplementPage.as_view(), name="exports-supplement"),
    path("exports/<str:job_id>/download", job.DownloadPage.as_view(), name="exports-download"),
]
