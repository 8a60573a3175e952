"""The checks every request of the dialer surface goes through, and how it words what is wrong."""

from typing import Any, TypeVar

from rest_framework.request import Request

from calls.dialer import selectors
from calls.dialer.models import Batch
from partners import keys
from partners.api import wire
from partners.api.keyed import KeyedViewSet, SingleKey
from partners.models.keys import Scope
from zipingest.api.body import read_json
from zipingest.api.errors import ApiError

Model = TypeVar("Model", bound=wire.Wire)


def refusal(status: int, message: str, errors: list[dict[str, Any]] | None = None) -> ApiError:
    """An error of this surface; ``errors`` become ``data.errors``."""
    return ApiError(status, message, extra={"data": {"errors": errors}} if errors else None)


def parse(model: type[Model], value: Any) -> Model:
    """``value`` as ``model``; raises ApiError 400 with every error there is, the first one as its message."""
    try:
        return wire.parse(model, value)
    except ApiError as error:
        told = [{"field": one["field"], "error": one["message"]} for one in error.answer.errors]
        raise refusal(400, told[0]["error"], told) from error


class WorkspaceKey(SingleKey):
    """In ``x-api-key`` or as a bearer token."""

    refusal_status = 403

    def shown(self, request: Request) -> str:
        return shown_key(request)


def shown_key(request: Request) -> str:
    """The key as it was sent; "" where none was."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return request.headers.get("x-api-key", "") or (token.strip() if scheme.lower() == "bearer" else "")


class DialerViewSet(KeyedViewSet):
    authentication_classes = [WorkspaceKey]
    http_method_names = ["get", "head", "post", "delete"]
    scope: Scope = Scope.INGEST

    def shown_key_id(self) -> str:
        return keys.id_in(shown_key(self.request))

    def batch(self, public_id: str) -> Batch:
        """The account's batch of that id; raises ApiError 404, or 403 where it is another account's."""
        batch = selectors.find_batch(public_id)
        if batch is None:
            raise ApiError(404, "Batch not found")
        if batch.sub_tenant_id != self.sub_tenant.pk:
            raise ApiError(403)
        return batch

    def json_object(self, max_bytes: int) -> dict[str, Any]:
        value = read_json(self.request._request, max_bytes=max_bytes)
        if not isinstance(value, dict):
            raise ApiError(400, "The request body must be a JSON object")
        return value

    def query(self, model: type[Model]) -> Model:
        return parse(model, self.request.query_params.dict())
