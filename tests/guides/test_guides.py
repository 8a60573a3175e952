"""What a guide shows works as it stands: its requests go to a real server, its receiver gets a callback."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from calls.dialer.models import Contact
from calls.models import Call, DispositionCode, Recording, Source
from exports.models import ExportJob
from partners import keys
from partners.models import Delivery, Role
from tests.exports.support import stored
from tests.guides.reading import Shell, blocks, exported, follow
from tests.support import audio, dialling, factories
from tests.support.api import gunicorn
from tests.support.network import networked, with_names
from tests.support.partner_server import PartnerServer
from zipingest import work
from zipingest.work import WorkState

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

Followed = Callable[..., dict[str, list[int]]]
WAV = audio.wav(1.0)


@pytest.fixture
def server() -> Iterator[PartnerServer]:
    """The reader's own: it has the recordings and takes callbacks."""
    with PartnerServer() as server:
        yield server


@pytest.fixture(scope="module")
def base(django_db_setup: None) -> Iterator[str]:
    with gunicorn(threads=4) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
def followed(base: str, tmp_path: Path) -> Followed:
    """Follows a guide with these variables, in an empty folder."""

    def follow_it(
        name: str, given: Mapping[str, str], before: Mapping[str, Callable[[], None]]
    ) -> dict[str, list[int]]:
        variables = {"BASE": base, **given}
        assert exported(next(blocks(name))) == set(variables)
        with Shell(tmp_path, variables) as shell:
            return follow(name, shell, before)

    return follow_it


def test_the_partners_guide_works_as_it_stands(
    followed: Followed, server: PartnerServer, tmp_path: Path
) -> None:
    partner = factories.provisioned()
    given = factories.headers(partner)
    variables = {name: given[f"x-{header}"] for name, header in _PARTNERS_HEADERS.items()} | {
        "RECORDING": server.serve("/call123.wav", WAV, content_type="audio/wav"),
        "CALLBACK": server.serve("/callback", status=204),
    }
    ended = {"Ask what became of it": lambda: _run_all(Recording, Delivery)}
    assert followed("partner", variables, ended) == {
        "Check a batch without storing it": [200],
        "Hand a batch in": [200],
        "Ask what became of it": [200, 200, 200],
        "Get the recording": [200, 206],
        "Change a disposition": [200],
        "Read what you missed": [200, 200],
    }
    assert (tmp_path / "call123.wav").read_bytes()[:4] == b"RIFF"
    assert Call.objects.get().customer.disposition == "callback"
    (request,) = server.received("/callback")
    take_callback = _python_of("partner")["take_callback"]
    sent = {name.lower(): value for name, value in request.headers.items()}
    assert take_callback(partner.webhook_secret, sent, request.body) == 204
    assert take_callback(partner.webhook_secret, sent, request.body + b"\n") == 401


_PARTNERS_HEADERS = {
    "KEY": "api-key",
    "SECRET": "api-secret",
    "TENANT": "tenant-id",
    "SUB_TENANT": "sub-tenant-id",
}


def _run_all(*kinds: Any) -> None:
    for kind in kinds:
        while work.run_one(kind):
            pass


def _python_of(guide: str) -> dict[str, Any]:
    (block,) = blocks(guide, "python")
    names: dict[str, Any] = {}
    exec(block.code, names)  # as its reader would run it
    return names


def test_the_telesales_guide_works_as_it_stands(followed: Followed, tmp_path: Path) -> None:
    person = factories.person(Role.SUPERVISOR, username="maria")
    # The server knows only the product's own ways of hashing.
    person.password = PBKDF2PasswordHasher().encode(factories.PASSWORD, "salt")
    person.save()
    DispositionCode.objects.create(sub_tenant=person.sub_tenant, code="SALE-OK")
    for number in range(3):
        stored(person.sub_tenant, number, data=WAV)
    packed = {"Download the ZIP": lambda: _run_all(ExportJob)}
    assert followed("telesales", {"MEMBER": "maria", "PASSWORD": factories.PASSWORD}, packed) == {
        "Sign in": [200, 200],
        "List recordings": [200, 200],
        "Play and download": [200, 206, 206, 200],
        "Export": [201, 200, 200],
        "Download the ZIP": [200, 200, 204],
        "Sign out": [204],
    }
    assert (tmp_path / "export.zip").read_bytes()[:2] == b"PK"
    assert [path.read_bytes() for path in tmp_path.glob("call-*.wav")] == [WAV]


def test_the_networks_guide_works_as_it_stands(followed: Followed, server: PartnerServer) -> None:
    network = with_names(networked(), "Sale", fields=("account_type",))
    variables = {"TOKEN": network.token, "RECORDING": server.serve("/10002.wav", WAV)}

    def fail() -> None:
        Recording.objects.filter(call__external_id="10002").update(state=WorkState.FAILED)

    assert followed("network", variables, {"Try a failed call again": fail}) == {
        "Hand a call in": [201, 201],
        "Ask what became of it": [200],
        "Try a failed call again": [202, 202],
        "Report signals and custom data later": [200],
    }


def test_the_dialers_guide_works_as_it_stands(followed: Followed, tmp_path: Path) -> None:
    partner = factories.provisioned()
    number = dialling.batch(partner).numbers.get()
    call = stored(partner.sub_tenant, data=WAV, source=Source.DIALER)

    def answer() -> None:
        dialling.log(Contact.objects.filter(phone="+12125551001").latest("pk"), call=call)

    variables = {
        "KEY": keys.issue(partner=partner.partner, sub_tenant=partner.sub_tenant).single,
        "NUMBER": number.public_id,
    }
    assert followed("dialer", variables, {"Results and recordings": answer}) == {
        "Make a batch": [201],
        "Add contacts": [200],
        "Upload a file": [201],
        "Start and stop": [200, 200],
        "See how it goes": [200, 200],
        "Results and recordings": [200, 200],
        "Delete a batch": [200],
    }
    assert (tmp_path / "call.wav").read_bytes() == WAV
