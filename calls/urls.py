"""Pages of an account; the API of a surface has its own (calls/api)."""

from django.urls import path

from calls.views.call import CallPage, PlayerPart
from calls.views.dispositions import CodeActive, CodePage, DispositionsPage, RemoveCode
from calls.views.library import LibraryPage
from calls.views.live import DisposeCall, HangUpCall, LiveCalls, LivePage, SwitchRecording
from calls.views.people import (
    NewPersonPage,
    PeoplePage,
    PersonActive,
    PersonPage,
    PersonPassword,
    PersonToken,
)
from calls.views.retention import HoldCall, ReleaseHold, RetentionPage

urlpatterns = [
    path("library", LibraryPage.as_view(), name="library"),
    path("library/<uuid:uuid>", CallPage.as_view(), name="library-call"),
    path("library/<uuid:uuid>/player", PlayerPart.as_view(), name="library-player"),
    path("live", LivePage.as_view(), name="live"),
    path("live/calls", LiveCalls.as_view(), name="live-calls"),
    path("live/<uuid:uuid>/pause", SwitchRecording.as_view(), {"to": "pause"}, name="live-pause"),
    path("live/<uuid:uuid>/resume", SwitchRecording.as_view(), {"to": "resume"}, name="live-resume"),
    path("live/<uuid:uuid>/hangup", HangUpCall.as_view(), name="live-hang-up"),
    path("live/<uuid:uuid>/disposition", DisposeCall.as_view(), name="live-dispose"),
    path("dispositions", DispositionsPage.as_view(), name="dispositions"),
    path("dispositions/<int:pk>", CodePage.as_view(), name="disposition"),
    path("dispositions/<int:pk>/active", CodeActive.as_view(), name="disposition-active"),
    path("dispositions/<int:pk>/remove", RemoveCode.as_view(), name="disposition-remove"),
    path("people", PeoplePage.as_view(), name="people"),
    path("people/new", NewPersonPage.as_view(), name="person-new"),
    path("people/<int:pk>", PersonPage.as_view(), name="person"),
    path("people/<int:pk>/active", PersonActive.as_view(), name="person-active"),
    path("people/<int:pk>/password", PersonPassword.as_view(), name="person-password"),
    path("people/<int:pk>/tokens/<int:token>", PersonToken.as_view(), name="person-token"),
    path("retention", RetentionPage.as_view(), name="retention"),
    path("retention/holds", HoldCall.as_view(), name="holds"),
    path("retention/holds/<int:pk>/release", ReleaseHold.as_view(), name="hold-release"),
]
