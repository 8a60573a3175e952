"""Doors of the dialer surface: parse, call the service, render."""

import hashlib
from collections.abc import Iterable
from contextlib import closing
from typing import Any, BinaryIO, NoReturn, cast
from uuid import UUID

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from calls.api import playing
from calls.dialer import results, selectors
from calls.dialer.api import openapi, render, upload
from calls.dialer.api.base import DialerViewSet, parse, refusal
from calls.dialer.api.schemas import BatchesQuery, CreateBatch, DetailsQuery, NamedBatch, of_form
from calls.dialer.models import Batch, CallingNumber
from calls.dialer.records import Problem, Record, Rules
from calls.dialer.services import batches, enqueueing, turns, uploading
from calls.dialer.sheets import UnreadableFile
from calls.dialer.table import Contacts, UnfitTable
from calls.models import Call, Source
from partners.models.keys import Scope
from zipingest.api.errors import ApiError
from zipingest.api.middleware import request_id

MAX_BODY_BYTES = 1024 * 1024
MAX_CALLS_BYTES = 20 * 1024 * 1024
MOST_ERRORS = 1000

_ORDERS = {"createdAt": ("pk",), "phoneNumber": ("phone",), "status": ("status", "pk")}


class BatchViewSet(DialerViewSet):
    """Batches: made, listed, looked into, deleted."""

    scope = Scope.READ

    @openapi.create_batch
    def create(self, request: Request) -> Response:
        draft = parse(CreateBatch, self.json_object(MAX_BODY_BYTES)).draft()
        try:
            batch = batches.create(
                sub_tenant=self.sub_tenant,
                partner=self.caller.partner,
                draft=draft,
                request_id=request_id(request._request),
            )
        except batches.UnknownNumbers as error:
            _refuse_numbers(error)
        return render.answer("Batch created successfully", batch.public_id, status=201)

    @openapi.batches_of_user
    def newest_of_user(self, request: Request, user_id: str) -> Response:
        return self.newest(request)

    @openapi.batches
    def newest(self, request: Request) -> Response:
        query = self.query(BatchesQuery)
        found = selectors.batches_of(self.sub_tenant, query.search)
        skipped = (query.page - 1) * query.limit
        page = list(found[skipped : skipped + query.limit])
        progress = selectors.progress_of(page)
        data = {
            "batches": [render.batch_body(batch, progress[batch.pk]) for batch in page],
            "pagination": render.pagination(found.count(), query.page, query.limit),
        }
        return render.answer("Batches fetched successfully", data)

    @openapi.batch_details
    def retrieve(self, request: Request, batch_id: str) -> Response:
        query, batch = self.query(DetailsQuery), self.batch(batch_id)
        sign = "-" if query.sortOrder == "desc" else ""
        found = selectors.contacts_of(batch, query.filter)
        ordered = selectors.with_calls(found).order_by(*(f"{sign}{name}" for name in _ORDERS[query.sortBy]))
        skipped = (query.page - 1) * query.limit
        page = list(ordered[skipped : skipped + query.limit])
        standing, progress = selectors.Standing.of(batch), selectors.progress_of([batch])[batch.pk]
        data = {
            "batchId": batch.public_id,
            "batchName": batch.name,
            "batchStatus": render.queue_status(batch, progress),
            **render.pagination(found.count(), query.page, query.limit),
            "data": render.contacts_body(page, standing),
        }
        return render.answer("Batch details fetched successfully", data)

    @openapi.delete_batch
    def destroy(self, request: Request, batch_id: str) -> Response:
        batch = self.batch(batch_id)
        batches.delete(batch=batch)
        return render.answer("Batch deleted successfully", {"batchId": batch.public_id, "status": "deleted"})


class SwitchViewSet(DialerViewSet):
    """Whether a batch is dialled."""

    @openapi.start_calling
    def start(self, request: Request) -> Response:
        batch = self._batch()
        batches.start(batch=batch)
        return _switched(batch, "started")

    @openapi.stop_calling
    def stop(self, request: Request) -> Response:
        batch = self._batch()
        batches.stop(batch=batch)
        return _switched(batch, "stopped")

    def _batch(self) -> Batch:
        return self.batch(parse(NamedBatch, self.json_object(MAX_BODY_BYTES)).batchId)


class CallsViewSet(DialerViewSet):
    """Contacts, added to a batch."""

    @openapi.add_calls
    def create(self, request: Request) -> Response:
        value = self.json_object(MAX_CALLS_BYTES)
        digest = hashlib.sha256(request._request.body).hexdigest()
        batch_id = parse(NamedBatch, {"batchId": value.get("batchId")}).batchId
        given = _given(value)
        batch = self.batch(batch_id)
        records = _records(given, _rules(turns.numbers_of(batch)))
        return render.enqueued(enqueueing.add(batch=batch, records=records, digest=digest))


class UploadViewSet(DialerViewSet):
    """A batch with its contacts, from a file."""

    @openapi.upload
    def create(self, request: Request) -> Response:
        fields, file = upload.form_of(request._request)
        body = parse(CreateBatch, of_form(fields))
        if file is None or file.file is None:
            raise refusal(400, "The file field is required.", [_error("file", "The file field is required.")])
        own = CallingNumber.objects.filter(sub_tenant=self.sub_tenant, public_id__in=body.callingNumbers)
        if len(own) < len(set(body.callingNumbers)):
            known = {number.public_id for number in own}
            places = [n for n, number in enumerate(body.callingNumbers) if number not in known]
            _refuse_numbers(batches.UnknownNumbers(places))
        rules = _rules(own.filter(agent__isnull=False).select_related("agent"))
        try:
            contacts = Contacts(cast(BinaryIO, file.file), rules)
        except UnreadableFile as error:
            message = f"file: {error.reason}"
            raise refusal(422, message, [_error("file", error.reason)]) from error
        except UnfitTable as error:
            raise _unfit(error) from error
        with closing(contacts):
            return self._created(body, contacts)

    def _created(self, body: CreateBatch, contacts: Contacts) -> Response:
        batch = uploading.create(
            sub_tenant=self.sub_tenant,
            partner=self.caller.partner,
            draft=body.draft(),
            records=iter(contacts),
            request_id=request_id(self.request._request),
        )
        data = {"batchId": batch.public_id, "added": len(contacts), "duplicates": contacts.repeated}
        return render.answer("Batch created successfully", data, status=201)


class ResultsViewSet(DialerViewSet):
    """What became of a batch, as a file."""

    scope = Scope.READ

    @openapi.results
    def retrieve(self, request: Request) -> HttpResponseBase:
        batch = self.batch(self.query(NamedBatch).batchId)
        headers = {
            "Content-Disposition": f'attachment; filename="batch-{batch.public_id}.csv"',
            "Cache-Control": "no-store",
        }
        return StreamingHttpResponse(
            results.lines(batch), content_type="text/csv; charset=utf-8", headers=headers
        )


class RecordingViewSet(DialerViewSet):
    """The recordings of the account's dialled calls."""

    scope = Scope.RECORDINGS

    @openapi.recording
    def stream(self, request: Request, uuid: str) -> HttpResponseBase:
        calls = Call.objects.filter(sub_tenant=self.sub_tenant, source=Source.DIALER, uuid=UUID(uuid))
        return playing.answer(request, calls, listener=self.caller.partner.name)


# --- What is wrong with a request -------------------------------------------------------------------------
def _given(value: dict[str, Any]) -> list[Any]:
    given = value.get("call_data")
    if not isinstance(given, list) or not given:
        message = "The call_data field must be an array with at least one record."
        raise refusal(400, message, [_error("call_data", message)])
    return given


def _rules(numbers: Iterable[CallingNumber]) -> Rules:
    """Of all agents that may speak from the numbers; raises ApiError 404 where there is none."""
    agents = selectors.agents_of(numbers)
    if not agents:
        raise ApiError(404, "No agent found for the calling numbers of the batch")
    return Rules.of(agents)


def _records(given: list[Any], rules: Rules) -> list[Record]:
    """Raises ApiError 400 with what is wrong, MOST_ERRORS of it at most."""
    records, errors = [], []
    for index, read in enumerate(rules.read_all(given)):
        if isinstance(read, Record):
            records.append(read)
        else:
            errors += [_record_error(index, problem) for problem in read]
    if errors:
        raise refusal(400, f"call_data[{errors[0]['index']}]: {errors[0]['error']}", errors[:MOST_ERRORS])
    return records


def _record_error(index: int, problem: Problem) -> dict[str, Any]:
    return {"index": index, **_error(problem.field, problem.error)}


def _unfit(table: UnfitTable) -> ApiError:
    errors = upload.row_errors(table.problems)
    return refusal(422, f"row {errors[0]['row']}: {errors[0]['error']}", errors)


def _refuse_numbers(unknown: batches.UnknownNumbers) -> NoReturn:
    errors = [
        _error(f"callingNumbers.{place}", f"The callingNumbers.{place} field is no calling number of yours.")
        for place in unknown.positions
    ]
    raise refusal(400, errors[0]["error"], errors) from unknown


def _error(field: str, error: str) -> dict[str, Any]:
    return {"field": field, "error": error}


def _switched(batch: Batch, status: str) -> Response:
    data = {"batchId": batch.public_id, "status": status}
    return render.answer(f"Calling {status} successfully", data)
