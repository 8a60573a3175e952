"""The export endpoints for machines: what drf-spectacular cannot see in the views."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse

from calls.api.audio import ANSWERS
from exports.api.schemas import ExportData, ExportPage, OrderBody, OrderedData
from partners.api.openapi import ANY_REQUEST, WITH_BODY, TelesalesFailure, header, operation
from partners.api.wire import MAX_PER_PAGE

_ZIP = OpenApiResponse(OpenApiTypes.BINARY, "The ZIP: recordings and manifest.csv.")
_OF_ONE = (*ANY_REQUEST, 404)

create = operation(
    "export_create",
    "Order a ZIP of recordings",
    description=(
        "Of a period (at most 31 days), of selected calls (`uuids`), or what an earlier ZIP could not "
        "include (`supplement_of`). What it holds is fixed now, and packed in the background. With "
        "`include_signals` the manifest has a column for each signal and each custom-data field."
    ),
    request=OpenApiRequest(OrderBody),
    answers={201: OrderedData},
    failures=(*ANY_REQUEST, *WITH_BODY),
    parameters=[header("Location", "Where to ask for its state.", [201])],
)

newest = operation(
    "export_list",
    "The account's exports, newest first",
    answers={200: ExportPage},
    failures=(*ANY_REQUEST, 422),
    parameters=[
        OpenApiParameter("page", OpenApiTypes.INT),
        OpenApiParameter("per_page", {"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE}),
    ],
)

retrieve = operation("export_retrieve", "How far an export is", answers={200: ExportData}, failures=_OF_ONE)

destroy = operation(
    "export_destroy",
    "Cancel an export, or delete its ZIP early",
    request=None,
    answers={204: None},
    failures=_OF_ONE,
)

download = operation(
    "export_download",
    "Download the ZIP",
    description="Ranges are answered, so a download that broke off can be resumed.",
    answers={
        (200, "application/zip"): _ZIP,
        (206, "application/zip"): _ZIP,
        **{status: ANSWERS[status] for status in (304, 412, 416)},
        503: OpenApiResponse(TelesalesFailure, "The store of exports does not answer."),
    },
    failures=(*_OF_ONE, 409, 410),
)
