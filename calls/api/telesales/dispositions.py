"""Doors of the account's disposition codes (telesales spec, Live calls, dispositions)."""

from rest_framework.request import Request
from rest_framework.response import Response

from calls.api.telesales import openapi_live as openapi
from calls.api.telesales import render
from calls.api.telesales.schemas import CodeChangeBody, NewCodeBody
from calls.models import Category, DispositionCode
from calls.services import codes
from partners.api.members import MemberViewSet
from partners.api.pagination import page_body
from partners.api.wire import PageQuery, invalid
from partners.models import Right
from zipingest.api.errors import ApiError


class CodeViewSet(MemberViewSet):
    """What a call may come to, in the account's own words."""

    rights = {
        "listed": Right.CALLS_READ,
        **dict.fromkeys(("create", "change", "destroy"), Right.DISPOSITIONS_WRITE),
    }

    @openapi.codes
    def listed(self, request: Request) -> Response:
        known = DispositionCode.objects.filter(sub_tenant=self.member.sub_tenant).order_by("code")
        return Response(page_body(known, self.query(PageQuery), render.code_body))

    @openapi.create_code
    def create(self, request: Request) -> Response:
        body = self.body(NewCodeBody)
        try:
            made = codes.create(
                sub_tenant=self.member.sub_tenant,
                code=body.code,
                label=body.label,
                category=Category(body.category),
                is_active=body.is_active,
            )
        except codes.CodeTaken as error:
            raise _wrong_code("The code has already been taken.") from error
        return Response({"data": render.code_body(made)}, status=201)

    @openapi.change_code
    def change(self, request: Request, id: int) -> Response:
        code, body = self._code(id), self.body(CodeChangeBody)
        if body.code not in (None, code.code):
            raise _wrong_code("The code field cannot be changed: make another code.")
        codes.change(code=code, label=body.label, category=body.kind, is_active=body.is_active)
        return Response({"data": render.code_body(code)})

    @openapi.remove_code
    def destroy(self, request: Request, id: int) -> Response:
        code = self._code(id)
        try:
            codes.remove(code=code)
        except codes.CodeInUse as error:
            message = f"The disposition code {code.code} is in use: deactivate it instead."
            raise ApiError(409, message, extra={"error_code": "DISPOSITION_IN_USE"}) from error
        return Response(status=204)

    def _code(self, id: int) -> DispositionCode:
        code = DispositionCode.objects.filter(sub_tenant=self.member.sub_tenant, pk=id).first()
        if code is None:
            raise ApiError(404)
        return code


def _wrong_code(message: str) -> ApiError:
    return invalid([{"field": "code", "message": message}])
