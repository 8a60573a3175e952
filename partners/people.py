from django.http import HttpRequest, HttpResponse

from partners.models import Right
from partners.pages import MemberPage


class PeoplePage(MemberPage):
    right = Right.ACCOUNT

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("base.html", {"title": "People"})
