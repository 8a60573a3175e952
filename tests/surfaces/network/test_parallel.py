"""Against a real gunicorn: the document's curl, and many networks' servers at once."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from calls.models import Call, Customer, IngestItem, Recording, Signal
from tests.support.api import gunicorn
from tests.support.network import CALLS, Networked, call_body, networked, retry_path, with_names
from zipingest.work import WorkState

pytestmark = pytest.mark.django_db(transaction=True)

SENDERS = 20
Answer = tuple[int, Any]


@pytest.fixture
def network(transactional_db: None) -> Networked:
    return with_names(networked(), "Sale")


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[tuple[str, int]]:
    """One for both tests; between them the database is emptied under it."""
    with gunicorn() as address:
        yield address


def at_once(address: tuple[str, int], network: Networked, path: str, bodies: list[Any]) -> list[Answer]:
    """Status and body of each POST, sent from SENDERS threads at once."""

    def post(body: Any) -> Answer:
        connection = HTTPConnection(*address, timeout=60)
        headers = {"Content-Type": "application/json", "Authorization": network.token}
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(post, bodies))


def test_100_parallel_requests_of_one_id_make_one_call(network: Networked, server: tuple[str, int]) -> None:
    answers = at_once(server, network, CALLS, [call_body(signals=[{"name": "Sale"}])] * 100)
    cuid = Call.objects.get().uuid.hex
    assert Counter(status for status, _ in answers) == {201: 1, 202: 99}
    assert all(body == {"cuid": cuid} for _, body in answers)
    assert [model.objects.count() for model in (Recording, Customer, Signal)] == [1, 1, 1]
    assert IngestItem.objects.count() == 100

    Recording.objects.update(state=WorkState.FAILED)
    again = at_once(server, network, retry_path(cuid), [{}] * 20)
    assert Counter(status for status, _ in again) == {202: 1, 409: 19}
    assert Recording.objects.get().run == 2


CURL = """curl --silent --location --request POST '{host}/api/2022-03-01/calls.json' \\
--write-out ' %{{http_code}}' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: {token}' \\
--data-raw ' {{ "call": {{ "external_call_unique_id": "{id}", "start_time": "2022-03-25 09:31:29",
"destination_phone_number": 9093900003, "calling_phone_number": 8779257384,
"advertiser_campaign_id_from_network": 86, "call_direction": "{direction}",
"recording_url": "https://recordings.example.com/10002.wav" }} }}'"""


@pytest.mark.needs_apt("curl")
def test_the_documents_curl_works_as_it_is_printed(network: Networked, server: tuple[str, int]) -> None:
    """Both of its examples, which differ in the id alone; repeated; and changed."""

    def sent(id: str, direction: str = "inbound") -> Answer:
        host = "http://{}:{}".format(*server)
        command = CURL.format(host=host, token=network.token, id=id, direction=direction)
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60)
        body, _, status = done.stdout.decode().rpartition(" ")
        return int(status), json.loads(body)

    cuids = {}
    for id in ("10002", "10001"):
        status, cuids[id] = sent(id)
        assert status == 201
        assert sent(id) == (202, cuids[id])
    assert cuids["10001"] != cuids["10002"]
    status, body = sent("10002", "outbound")
    assert (status, body["errors"]["class"]) == (409, "RecordConflict")
    assert Call.objects.count() == Recording.objects.count() == 2
