from django.urls import path

from partners.api.sessions import SessionViewSet, SignInViewSet

urlpatterns = [
    path("login", SignInViewSet.as_view({"post": "create"}), name="auth-login"),
    path("me", SessionViewSet.as_view({"get": "retrieve"}), name="auth-me"),
    path("logout", SessionViewSet.as_view({"post": "destroy"}), name="auth-logout"),
]
