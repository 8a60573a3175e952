"""Signals and custom data of calls that are over, or are still to arrive (network spec)."""

from datetime import UTC, datetime
from math import floor
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from calls.api.network import openapi_transactions as openapi
from calls.api.network.base import NetworkViewSet, no_call_found, record_invalid, unknown_name
from calls.api.network.transactions_schemas import LIMITED, VERSION, TransactionBody, transaction_of
from calls.models import Signal
from calls.services import pending, signals
from calls.services.signals import NoCallFound, Reported, TooManySignals, UnknownName
from partners.models.keys import Scope
from zipingest.api.middleware import request_id


class TransactionsViewSet(NetworkViewSet):
    """What is reported of calls."""

    version = VERSION
    scope = Scope.INGEST

    @openapi.report("POST", "network_report")
    @openapi.report("PUT", "network_put_report")
    def report(self, request: Request, version: str) -> Response:
        """Note what is said of a call; with ``call_in_progress`` once it is here."""
        body = transaction_of(self.body(), self.network)
        try:
            return self._accept(request, body) if body.call_in_progress else self._report(body)
        except UnknownName as error:
            raise unknown_name(error.part, error.place) from error
        except NoCallFound as error:
            raise no_call_found() from error
        except TooManySignals as error:
            raise record_invalid([LIMITED]) from error

    def _accept(self, request: Request, body: TransactionBody) -> Response:
        pending.report(
            sub_tenant=self.sub_tenant,
            wanted=body.search.wanted(),
            said=body.report(),
            request_id=request_id(request._request),
        )
        return Response(status=201)

    def _report(self, body: TransactionBody) -> Response:
        reported = signals.report(sub_tenant=self.sub_tenant, wanted=body.search.wanted(), said=body.report())
        return Response(_transactions(reported))


def _transactions(reported: Reported) -> dict[str, Any]:
    """The answer: every value is a text or null."""
    call = reported.call
    return {
        "signals": [_signal(signal) for signal in reported.signals],
        "call": {
            "transaction_id": call.uuid.hex,
            "corrects_transaction_id": None,
            "start_time_t": _epoch(call.started_at),
            "call_start_time": _time(call.started_at),
        },
    }


def _signal(signal: Signal) -> dict[str, str | None]:
    return {
        "transaction_id": signal.transaction_id.hex,
        "corrects_transaction_id": signal.corrects.transaction_id.hex if signal.corrects else None,
        "name": signal.name.name,
        "partner_unique_id": signal.partner_unique_id,
        "occurred_at_time_t": _epoch(signal.occurred_at),
        "occurred_at_time": _time(signal.occurred_at),
        "revenue": None if signal.revenue is None else f"{signal.revenue:.2f}",
        "value": "true" if signal.value else "false",
    }


def _epoch(moment: datetime) -> str:
    return str(floor(moment.timestamp()))


def _time(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as ``2016-04-11T20:00:00Z``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
