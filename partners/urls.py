from django.urls import path

from partners.people import PeoplePage
from partners.views import SignInView, SignOutView

urlpatterns = [
    path("login", SignInView.as_view(), name="login"),
    path("people", PeoplePage.as_view(), name="people"),
    path("logout", SignOutView.as_view(), name="logout"),
]
