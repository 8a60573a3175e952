"""Stored recordings for the streaming measurement, made in the database that the environment names."""

import os
from dataclasses import dataclass

import django
from django.core.management import call_command

django.setup()

from tests.support import factories, recordings


@dataclass(frozen=True)
class Stored:
    """One recording: the call's uuid, the file's key in the store, its length."""

    uuid: str
    key: str
    bytes: int


def make(number: int, size: int) -> list[Stored]:
    """``number`` calls of one account with recordings of ``size`` bytes each."""
    provisioned = factories.provisioned(f"files of {size}")
    ids = [f"call-{index}" for index in range(number)]
    factories.ingest(provisioned, *(factories.item(id_) for id_ in ids))
    calls = [factories.call(provisioned, id_) for id_ in ids]
    return [Stored(str(call.uuid), recordings.store(call, os.urandom(size)), size) for call in calls]


def credentials(number: int) -> list[dict[str, str]]:
    """The headers of machines that may play all of the account."""
    return [factories.make_machine() for _ in range(number)]


def make_tables() -> None:
    call_command("migrate", verbosity=0)
