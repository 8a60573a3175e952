from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from calls import giving, paging, selectors
from calls.forms import RecordingsForm
from calls.paging import Cursor, Page
from calls.views.shown import Row
from partners.members import Reach
from partners.models import Right
from partners.pages import MemberPage

# What exports can be filtered by too.
_EXPORTED = (
    *("date_from", "date_to", "campaign", "agent", "disposition"),
    *("signal", "custom_field", "custom_value"),
)


class LibraryPage(MemberPage):
    """The account's calls, newest first, filtered; an agent sees the own ones.

    htmx gets the list alone; where the filter is wrong it is sent to the page, which says so at the field.
    """

    right = Right.RECORDINGS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        form = RecordingsForm(request.GET, self.member.sub_tenant, own=self._is_own)
        is_part = "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers
        if not form.is_valid():
            if is_part:
                return HttpResponseClientRedirect(request.get_full_path())
            return self.render("library/library.html", {"title": "Library", "form": form})
        context = {"title": "Library", "form": form, **self._found(form)}
        if not is_part:
            return self.render("library/library.html", context)
        response = self.render("library/list.html", {**context, "is_part": True})
        response.headers["HX-Push-Url"] = _address(form, request)
        return response

    @property
    def _is_own(self) -> bool:
        return self.member.reach(Right.RECORDINGS_READ) is Reach.OWN

    def _found(self, form: RecordingsForm) -> dict[str, Any]:
        page = self._page(form)
        return {
            "page": page,
            "rows": [Row.of(call) for call in page.calls],
            "query": form.query(),
            "export_query": form.query(*_EXPORTED),
            "may_download": self.member.may(Right.RECORDINGS_DOWNLOAD),
            "may_export": self.member.may(Right.EXPORTS),
            "may_export_all": not form.query("phone", "text"),
        }

    def _page(self, form: RecordingsForm) -> Page:
        calls = selectors.matching(form.filter())
        if self._is_own:
            calls = selectors.spoken_by(calls, self.member.user)
        asked = self.request.GET
        return paging.page(
            giving.with_standing(calls).select_related("campaign"),
            before=Cursor.read(asked.get("before", "")),
            after=Cursor.read(asked.get("after", "")),
        )


def _address(form: RecordingsForm, request: HttpRequest) -> str:
    """What a person may keep and share: the filter without its empty fields, and the page."""
    place = urlencode([(name, request.GET[name]) for name in ("before", "after") if request.GET.get(name)])
    query = "&".join(part for part in (form.query(), place) if part)
    return f"{reverse('library')}?{query}" if query else reverse("library")
