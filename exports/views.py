from django.http import HttpRequest, HttpResponse

from partners.models import Right
from partners.pages import MemberPage


class ExportsPage(MemberPage):
    right = Right.EXPORTS

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("base.html", {"title": "Exports"})
