from django.http import HttpRequest, HttpResponse

from partners.models import Right
from partners.pages import MemberPage


class LivePage(MemberPage):
    right = Right.CALLS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("base.html", {"title": "Live"})
