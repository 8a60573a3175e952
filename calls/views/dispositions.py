from django.http import HttpRequest, HttpResponse

from partners.models import Right
from partners.pages import MemberPage


class DispositionsPage(MemberPage):
    right = Right.DISPOSITIONS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("base.html", {"title": "Dispositions"})
