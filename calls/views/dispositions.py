"""The account's disposition codes, as its leaders write them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from calls.models import Category, DispositionCode
from calls.services import codes
from partners.models import Right
from partners.page_forms import PageForm
from partners.pages import MemberPage

PER_PAGE = 50


class CodeForm(PageForm):
    """What of a code can be changed."""

    label = forms.CharField(
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="How agents and reports name it.",
    )
    category = forms.TypedChoiceField(
        choices=[("", "Choose one"), *((one.value, one.label.capitalize()) for one in Category)],
        coerce=Category,
        help_text="“Do not call” also keeps the customer's number from being dialled.",
    )


class NewCodeForm(CodeForm):
    code = forms.CharField(
        max_length=32,
        validators=[RegexValidator(r"\A[A-Z0-9_-]{1,32}\Z", "Use only A-Z, 0-9, _ and -.")],
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Up to 32 of A-Z, 0-9, _ and -. It cannot be changed later.",
    )
    field_order = ("code", "label", "category")


class DispositionsPage(MemberPage):
    """The codes; a POST adds one."""

    right = Right.DISPOSITIONS_WRITE

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(NewCodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewCodeForm(request.POST)
        if form.is_valid():
            try:
                code = codes.create(sub_tenant=self.member.sub_tenant, **form.cleaned_data)
            except codes.CodeTaken:
                form.add_error("code", "The account has this code already.")
            else:
                messages.success(request, f"{code} is added.")
                return redirect("dispositions")
        return self._page(form, status=422)

    def _page(self, form: NewCodeForm, status: int = 200) -> HttpResponse:
        rows = DispositionCode.objects.filter(sub_tenant=self.member.sub_tenant).order_by("code")
        page = Paginator(rows, PER_PAGE).get_page(self.request.GET.get("page"))
        context = {"title": "Dispositions", "page": page, "form": form}
        return self.render("dispositions/dispositions.html", context, status=status)


class _OfCode(MemberPage):
    """A page of one code of the account."""

    right = Right.DISPOSITIONS_WRITE

    def code(self, pk: int) -> DispositionCode:
        return get_object_or_404(DispositionCode, sub_tenant=self.member.sub_tenant, pk=pk)


class CodePage(_OfCode):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        code = self.code(pk)
        return self._page(code, CodeForm(initial={"label": code.label, "category": code.category}))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        code, form = self.code(pk), CodeForm(request.POST)
        if not form.is_valid():
            return self._page(code, form, status=422)
        codes.change(code=code, **form.cleaned_data)
        messages.success(request, f"{code} is saved.")
        return redirect("dispositions")

    def _page(self, code: DispositionCode, form: CodeForm, status: int = 200) -> HttpResponse:
        context: dict[str, Any] = {"title": code.code, "code": code, "form": form}
        return self.render("dispositions/code.html", context, status=status)


class CodeActive(_OfCode):
    """``active``: 1 offers the code to agents, anything else does not."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        code, is_active = self.code(pk), request.POST.get("active") == "1"
        codes.change(code=code, is_active=is_active)
        offered = "offered to agents again" if is_active else "not offered to agents any more"
        messages.success(request, f"{code} is {offered}.")
        return redirect("dispositions")


class RemoveCode(_OfCode):
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        code = self.code(pk)
        try:
            codes.remove(code=code)
        except codes.CodeInUse:
            messages.error(request, f"Calls have {code}: it can be deactivated, not deleted.")
            return redirect("disposition", pk=pk)
        messages.success(request, f"{code} is deleted.")
        return redirect("dispositions")
