"""An export that is being packed gives up an erased customer's calls."""

import threading

import pytest
from django.db import connection

from calls.models import IdentifierKind
from calls.services.erasure import Identity, erase
from exports.models import ExportJob, ExportStatus
from exports.services import packing
from tests.exports.support import exported_objects, ordered, stored
from tests.support.factories import account
from zipingest import work
from zipingest.work import WorkState


@pytest.mark.django_db(transaction=True)
def test_an_export_being_packed_is_cancelled_by_an_erasure_and_leaves_nothing(monkeypatch):
    calls = [stored(number=number) for number in range(3)]
    job = ordered()
    packing_began, erased = threading.Event(), threading.Event()
    add = packing._add

    def add_once_erased(*args):
        packing_began.set()
        assert erased.wait(10)
        add(*args)

    def worker():
        work.run_one(ExportJob)
        connection.close()

    monkeypatch.setattr(packing, "_add", add_once_erased)
    thread = threading.Thread(target=worker)
    thread.start()
    assert packing_began.wait(10)
    assert ExportJob.objects.get(pk=job.pk).state == WorkState.LEASED

    try:
        erase(who=Identity.of(account(), IdentifierKind.PHONE, calls[0].customer_phone), asked_by="eve")
    finally:
        erased.set()
        thread.join(20)

    job.refresh_from_db()
    assert (job.state, job.status) == (WorkState.DONE, ExportStatus.CANCELLED)
    assert (job.zip_key, job.held_by, list(exported_objects())) == ("", None, [])
