"""Exports as the telesales surface shows them: the keys of the seed, by state."""

import math
from typing import Any

from django.urls import reverse

from calls.api.telesales.render import time
from exports.models import ExportJob, ExportStatus

_BYTES_PER_MB = 1_000_000


def ordered_body(job: ExportJob) -> dict[str, Any]:
    return {
        "job_id": job.public_id,
        "status": ExportStatus.QUEUED,
        "estimated_files": job.estimated_files,
        "estimated_size_mb": _megabytes(job.estimated_bytes),
        "created_at": time(job.created_at),
        "expires_at": time(job.expires_at),
    }


def job_body(job: ExportJob) -> dict[str, Any]:
    if job.status == ExportStatus.FAILED:
        return _failed_body(job)
    return {
        "job_id": job.public_id,
        "status": job.status,
        "progress_pct": job.progress_pct,
        **_by_status(job),
        "created_at": time(job.created_at),
        "completed_at": time(job.completed_at),
        "expires_at": time(job.expires_at),
    }


def not_ready_text(job: ExportJob) -> str:
    """Why there is nothing to download; how far it is only where it goes on."""
    goes_on = job.status in (ExportStatus.QUEUED, ExportStatus.RUNNING)
    progress = f" ({job.progress_pct}%)" if goes_on else ""
    state = f"currently in state '{job.status}'{progress}"
    return f"Job {job.public_id} is {state}. Wait until ready before downloading."


def _failed_body(job: ExportJob) -> dict[str, Any]:
    return {
        "job_id": job.public_id,
        "status": job.status,
        "error_code": job.error_code,
        "error_message": job.error_message,
        "failed_at": time(job.failed_at),
    }


def _by_status(job: ExportJob) -> dict[str, Any]:
    if job.status == ExportStatus.RUNNING:
        return {"files_processed": job.entries_done}
    if job.status != ExportStatus.READY:
        return {}
    return {
        "files": job.included,
        "size_mb": _megabytes(job.zip_bytes or 0),
        "download_url": reverse("telesales-export-download", args=[job.public_id]),
    }


def _megabytes(size: int) -> int:
    """Begun ones count, so that something is never 0."""
    return math.ceil(size / _BYTES_PER_MB)
