from django.http import HttpRequest, HttpResponse

from partners.models import Right
from partners.pages import MemberPage


class LibraryPage(MemberPage):
    right = Right.RECORDINGS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render("base.html", {"title": "Library"})
