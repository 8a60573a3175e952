from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from calls.admin.filters import AccountFilter
from calls.hashes import possible_hashes
from calls.models import Call, Customer, Erasure, IdentifierKind
from calls.services import erasure
from calls.services.erasure import Found, Identity, NobodyFound
from partners.admin.base import ReadOnlyAdmin, Refused, badge, moment, unbroken
from partners.admin.pages import Question, change_url
from partners.admin.toolkit import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, action
from partners.models import Partner, SubTenant
from zipingest.storage import StorageError

CONFIRMATION = "ERASE"
_SHOWN = 20


class ErasureForm(forms.Form):
    """Whom to erase; once what that means was shown, also the word that confirms it."""

    sub_tenant = forms.ModelChoiceField(
        SubTenant.objects.select_related("tenant"), label="Sub-tenant", widget=UnfoldAdminSelectWidget
    )
    kind = forms.ChoiceField(label="Known by", choices=IdentifierKind.choices, widget=UnfoldAdminSelectWidget)
    value = forms.CharField(
        label="Phone, e-mail or id",
        max_length=320,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    partner = forms.ModelChoiceField(
        Partner.objects.all(),
        required=False,
        empty_label="all partners",
        widget=UnfoldAdminSelectWidget,
        help_text="Ids are the partners' own: at another partner, the same one is somebody else.",
    )
    confirmation = forms.CharField(
        required=False,
        label=f"Type {CONFIRMATION} to confirm",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    # How many calls the preview was about.
    previewed = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def identity(self) -> Identity:
        given = self.cleaned_data
        kind = IdentifierKind(given["kind"])
        return Identity.of(given["sub_tenant"], kind, given["value"], given["partner"])

    def confirms(self, found: Found) -> bool:
        given = self.cleaned_data
        typed: str = given["confirmation"]
        return typed.strip() == CONFIRMATION and bool(given["previewed"] == len(found.calls))


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Erase a customer, and the proofs that it was done. A search for the identifier finds its proof."""

    list_display = ("number", "sub_tenant", "kind", "asked_by", "asked", "customers", "calls", "standing")
    list_select_related = ("sub_tenant__tenant",)
    list_filter = (AccountFilter,)
    search_fields = ("identifier_hash",)
    search_help_text = "The phone, e-mail or id that was erased"
    fields = (
        ("sub_tenant", "kind"),
        ("asked_by", "asked_at"),
        ("customers", "calls"),
        ("recordings", "deliveries"),
        ("standing", "finished_at"),
        "progress",
        "identifier_hash",
    )
    readonly_fields = ("standing", "progress")
    actions_detail = ("go_on",)

    def matching(self, term: str) -> Q:
        kinds = (IdentifierKind.PHONE, IdentifierKind.EMAIL, IdentifierKind.ID)
        hashes = [one for kind in kinds for one in possible_hashes(kind, erasure.normalised(kind, term))]
        return Q(identifier_hash__in=hashes)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Erasure]:
        rows: QuerySet[Erasure] = super().get_queryset(request)
        return rows.annotate(done=Count("erased", filter=Q(erased__objects_deleted_at__isnull=False)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("calls.add_erasure")

    def has_go_on_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    def fits(self, title: str, row: Any) -> bool:
        return row.finished_at is None

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Asks whom, shows what that means, and erases once the word was typed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ErasureForm(request.POST or None)
        if not form.is_valid():
            return self._page(request, form)
        who = form.identity()
        found = erasure.find(who)
        if problem := _problem(who, found):
            form.add_error("value", problem)
            return self._page(request, form)
        if form.confirms(found):
            return self._erase(request, who, form)
        if form.cleaned_data["confirmation"]:
            form.add_error("confirmation", f"Type {CONFIRMATION}; or there are other calls now: look again.")
        return self._page(request, form, found)

    @action(description="Go on deleting", icon="play_arrow", permissions=["view", "go_on"])
    def go_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def go_on(row: Erasure, _: dict[str, Any]) -> None:
            if not _carried_on(row):
                raise Refused("The next of its objects are deleted as far as the storage took it.")

        return self.ask(request, object_id, _GO_ON, go_on)

    def _erase(self, request: HttpRequest, who: Identity, form: ErasureForm) -> HttpResponse:
        try:
            row = erasure.erase(who=who, asked_by=request.user.get_username())
        except (erasure.Refused, NobodyFound) as error:
            form.add_error("value", str(error) or _NOBODY)
            return self._page(request, form)
        self.log_addition(request, row, "Erased a customer")
        finished = _carried_on(row)
        said = "The customer is erased" + (
            "." if finished else "; the last objects are deleted within the hour."
        )
        self.message_user(request, said, messages.SUCCESS)
        return redirect(change_url(row))

    def _page(self, request: HttpRequest, form: ErasureForm, found: Found | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Erase a customer",
            "form": form,
            "back": reverse("admin:calls_erasure_changelist"),
            **(_preview(form, request.POST, found) if found else {}),
        }
        return TemplateResponse(request, "console/erase.html", context)

    @admin.display(description="erasure")
    def number(self, row: Erasure) -> str:
        return str(row.pk)

    @admin.display(description="asked")
    def asked(self, row: Erasure) -> SafeString:
        return unbroken(moment(row.asked_at))

    @admin.display(description="state")
    def standing(self, row: Erasure) -> SafeString:
        return badge("done", "success") if row.finished_at else badge("deleting audio", "warning")

    @admin.display(description="calls whose audio is deleted")
    def progress(self, row: Any) -> str:
        return f"{row.done:,} of {row.calls:,}"


def _carried_on(row: Erasure) -> bool:
    """A few hundred objects at once; the rest, and what the storage does not take now, goes hourly."""
    try:
        return erasure.carry_on(erasure=row)
    except StorageError:
        return False


def _problem(who: Identity, found: Found) -> str:
    if not found.customers and not found.calls:
        return _NOBODY
    partners = Customer.objects.filter(pk__in=found.customers).order_by().values("partner").distinct()
    if who.kind == IdentifierKind.ID and len(partners[:2]) > 1:
        return "Several partners have a customer with this id: pick the partner."
    try:
        erasure.check(found)
    except erasure.Refused as refusal:
        return str(refusal)
    return ""


def _preview(form: ErasureForm, sent: QueryDict, found: Found) -> dict[str, Any]:
    """What is about to go; the form then only asks for the word."""
    for name in ("sub_tenant", "kind", "value", "partner"):
        form.fields[name].widget = forms.HiddenInput()
    form.data = {**sent.dict(), "previewed": str(len(found.calls))}
    customers = Customer.objects.filter(pk__in=found.customers).select_related("partner")
    calls = Call.objects.filter(pk__in=found.calls)
    return {
        "found": found,
        "customers": customers[:_SHOWN],
        "more_customers": max(len(found.customers) - _SHOWN, 0),
        "facts": [
            ("Customers", f"{len(found.customers):,}"),
            ("Calls", f"{len(found.calls):,}"),
            ("of these never exported", f"{calls.filter(last_exported_at__isnull=True).count():,}"),
        ],
        "who": form.identity(),
    }


_NOBODY = "Nobody in this sub-tenant is known by it."
_GO_ON = Question(
    title="Go on deleting",
    text="The personal data is gone already. The objects that are left in the storage are deleted by the "
    "hourly tidying; this begins at once with the next hundred calls.",
    button="Delete",
    done="All objects of this erasure are deleted.",
)
