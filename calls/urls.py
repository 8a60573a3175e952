"""Pages of an account; the API of a surface has its own (calls/api)."""

from django.urls import path

from calls.views.dispositions import DispositionsPage
from calls.views.library import LibraryPage
from calls.views.live import LivePage
from calls.views.retention import RetentionPage

urlpatterns = [
    path("library", LibraryPage.as_view(), name="library"),
    path("live", LivePage.as_view(), name="live"),
    path("dispositions", DispositionsPage.as_view(), name="dispositions"),
    path("retention", RetentionPage.as_view(), name="retention"),
]
