"""Pages of a list, as the telesales surface answers them."""

from collections.abc import Callable
from math import ceil
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from partners.api.wire import PageQuery

COUNTED_ROWS = 10_000

Row = TypeVar("Row", bound=Model)


def page_body(rows: QuerySet[Row], query: PageQuery, render: Callable[[Row], Any]) -> dict[str, Any]:
    """The page of ordered ``rows`` that ``query`` asks for.

    Counting stops at COUNTED_ROWS: ``total_is_capped`` says so, and pages beyond are empty.
    """
    skipped = (query.page - 1) * query.per_page
    found = (
        list(rows[skipped : min(skipped + query.per_page, COUNTED_ROWS)]) if skipped < COUNTED_ROWS else []
    )
    total = _total(rows, skipped, query.per_page, len(found))
    counted = min(total, COUNTED_ROWS)
    return {
        "current_page": query.page,
        "data": [render(row) for row in found],
        "last_page": max(1, ceil(counted / query.per_page)),
        "per_page": query.per_page,
        "total": counted,
        "total_is_capped": total > COUNTED_ROWS,
    }


def _total(rows: QuerySet[Row], skipped: int, asked: int, found: int) -> int:
    """How many ``rows`` there are, COUNTED_ROWS + 1 where there are more than that."""
    if 0 < found < asked and skipped + found < COUNTED_ROWS:
        return skipped + found  # this is the last page
    return rows.order_by()[: COUNTED_ROWS + 1].count()
