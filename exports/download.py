"""The ZIP of an export on its way out, by any door."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from calls.services import audit
from exports.models import ExportJob
from zipingest.ranges import ranged_response
from zipingest.storage import default_storage


def serve(request: HttpRequest, job: ExportJob, actor: audit.Actor) -> HttpResponseBase:
    """The ZIP of a ready export, whole or the range asked for; noted where bytes leave the house.

    Raises zipingest.storage.StorageError, ObjectMissing among them.
    """
    assert job.completed_at is not None, "what is ready was completed"
    response = ranged_response(
        request,
        storage=default_storage(),
        key=job.zip_key,
        size=job.zip_bytes or 0,
        etag=job.zip_etag.strip('"'),
        last_modified=job.completed_at,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="recordings-{job.public_id}.zip"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
    if request.method == "GET" and response.status_code in (200, 206):
        audit.note_export(actor=actor, sub_tenant=job.sub_tenant, export=job.public_id)
    return response
