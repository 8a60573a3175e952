"""What is done around the steps of the page: the partner that calls, and what must be so after each step."""

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import requests
import trustme
from standardwebhooks import Webhook

from tests.operations.load import Load
from tests.operations.machine import PARTNER, Machine
from tests.operations.page import Step
from tests.operations.releases import STATIC, release, release_after, static_file
from tests.support.audio import wav
from tests.support.partner_server import PartnerServer, _Handler, _Server

URL = "https://calls.example.com"
CALLS = f"{URL}/api/v1/partner/ingest/calls"
# These ask registries, so they are run in the network that has them.
ONLINE = ("packages", "code", "new-code")
PASSWORD = "a-Long-1-phrase"
# What step 7 enables, and a worker more.
PROGRAMS = ("web@1", "web@2", "worker@1", "worker@2", "packer@1", "beat", "backup.timer")


class PublicPartner(PartnerServer):
    """The partner's server at an address that counts as public, on the port of https."""

    def __init__(self, *, tls: ssl.SSLContext) -> None:
        super().__init__(tls=tls)
        self._server.server_close()
        self._server = _Server((PARTNER, 443), _Handler)
        self._server.partner, self._server.tls = self, tls
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)


class Following:
    """A machine, and a partner outside it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.called = 0
        self._ending = ExitStack()
        self._load = Load(self._reads, self.call, self._reads_static)

    def __enter__(self) -> Self:
        authority = trustme.CA()
        self._authority = authority.cert_pem.bytes()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("partner.example.com").configure_cert(context)
        self.partner = self._ending.enter_context(PublicPartner(tls=context))
        self.recording = wav(2.0)
        self.partner.serve("/call.wav", self.recording, content_type="audio/wav")
        self.partner.serve("/callback", status=204)
        older = release()
        newer = release_after(older)
        self._packed = {"older": older, "newer": newer}
        self._static = {static_file(older): "older", static_file(newer): "newer"}
        self.machine.write("/root/zipingest.tar.gz", older)
        return self

    def __exit__(self, *exception: object) -> None:
        self._ending.__exit__(*exception)

    def follow(self, step: Step) -> str:
        """Run the step and look; what there is to tell."""
        name = step.name.replace("-", "_")
        getattr(self, f"before_{name}", lambda: None)()
        self.machine.run(step.commands, online=step.name in ONLINE)
        look: Callable[[], str | None] = getattr(self, f"after_{name}", lambda: None)
        return look() or ""

    def logs(self) -> str:
        return self.machine.run("tail -n 15 /var/log/units/*.log /var/log/nginx/error.log 2>&1 || true")

    # --- What must be so ----------------------------------------------------------------------------------
    def after_packages(self) -> None:
        self.machine.write("/etc/partner-ca.pem", self._authority)

    def before_services(self) -> None:
        """Our partner's certificate is of an authority of its own: OUTBOUND_CA_FILE is for that."""
        environment = self.machine.read("/etc/zipingest/environment")
        self.machine.write(
            "/etc/zipingest/environment", f"{environment}OUTBOUND_CA_FILE=/etc/partner-ca.pem\n".encode()
        )

    def after_services(self) -> None:
        """A second worker, as the page says: what is enabled comes back whenever the product does."""
        self.machine.run("systemctl enable --now zipingest-worker@2")
        self.older = self._current()
        self._everything_runs_of(self.older)

    def after_people(self) -> str:
        self.keys = json.loads(self.machine.read("/root/acme.json"))
        self.session = self._client()
        account = "--tenant tenant1 --sub-tenant subtenant1"
        self.machine.run(
            f"zipingest create_partner Acme {account} --rate-limit 100000 >/dev/null\n"
            f"PERSON_PASSWORD={PASSWORD} zipingest create_person listener {account} --role supervisor"
        )
        self.calls_come_in(1)
        (callback,) = self.partner.wait_for("/callback", 1, timeout=60)
        Webhook(self.keys["webhook_secret"]).verify(callback.body, dict(callback.headers.items()))
        self.listens()
        return "a call came in, its audio was heard through nginx, its callback was signed"

    def before_new_code(self) -> None:
        self.machine.write("/root/zipingest.tar.gz", self._packed["newer"])

    def before_new_web(self) -> None:
        """From here on requests come in all the time, until the way back is gone."""
        self._load.start()

    def after_new_web(self) -> None:
        self.newer = self._current()
        assert self.newer != self.older
        self._everything_runs_of(self.older, self.newer)

    def after_new_workers(self) -> str:
        self._everything_runs_of(self.newer)
        assert self._static_release() == "newer"
        return "every process is of the new release"

    def after_way_back(self) -> str:
        assert self._current() == self.older
        self._everything_runs_of(self.older)
        assert self._static_release() == "older"
        answers = self._load.stop()
        assert set(answers) == {200}, f"while programs were restarted: {dict(answers)}"
        self._wait_until_completed()
        return f"{answers.total()} requests meanwhile, all answered 200"

    def before_backup(self) -> None:
        self._wait_until_completed()

    def after_backup(self) -> str:
        self.before = self._answers()
        self.stored = self._objects()
        self.calls_come_in(3)
        return "calls came in afterwards"

    def before_restore(self) -> None:
        """The loss: database and recordings."""
        self.machine.run(
            "systemctl stop zipingest.target\n"
            "if systemctl is-active zipingest-backup.timer; then exit 1; fi\n"
            "runuser -u postgres -- dropdb --force zipingest\n"
            "runuser -u postgres -- createdb --owner=zipingest -E UTF8 -T template0 zipingest\n"
            "redis-cli flushall\n"
            "find /srv/zipingest/recordings -mindepth 1 -delete"
        )
        self._wait_until(lambda: not self._programs(), 10)

    def after_restore(self) -> str:
        self._everything_runs_of(self.older)
        self._wait_until(lambda: self._client().get(f"{URL}/readyz", timeout=30).ok)
        assert self._answers() == self.before, "answers differ from those before"
        assert self.stored <= self._objects(), "recordings are missing"
        self.listens()
        self.calls_come_in(1)
        return "the same answers, the same objects, and new calls come in"

    # --- What runs ----------------------------------------------------------------------------------------
    def _current(self) -> str:
        return self.machine.run("readlink /opt/zipingest/current").strip()

    def _everything_runs_of(self, *releases: str) -> None:
        """What is enabled runs, and every process of the account was begun by the Python of one of these.

        By no link to it, decoders as little as their workers: links come to name another release. And no
        service has ended that was not asked to.
        """
        expected = {f"{folder}/.venv/bin/python" for folder in releases}
        with suppress(AssertionError):
            self._wait_until(lambda: set(self._programs()) == expected, 60)
        assert set(self._programs()) == expected
        self.machine.run("".join(f"systemctl is-active zipingest-{name}\n" for name in PROGRAMS))
        self.machine.run("if grep 'ended unasked' /var/log/units/*; then exit 1; fi")

    def _programs(self) -> list[str]:
        """What each process of the account was begun as."""
        owned = f"\nUid:\t{self.machine.run('id --user zipingest').strip()}\t"
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                if owned in (process / "status").read_text():
                    found.append((process / "cmdline").read_text().split("\0")[0])
        return list(filter(None, found))

    # --- The partner and the listener ---------------------------------------------------------------------
    def calls_come_in(self, count: int) -> None:
        for _ in range(count):
            assert self.call() == 200
        self._wait_until_completed()

    def call(self) -> int:
        """Hand one call in; the status of the answer."""
        self.called += 1
        given = {
            "call": {
                "id": f"call-{self.called}",
                "recording_url": "https://partner.example.com/call.wav",
                "start_time": "2026-01-01T10:00:00Z",
                "end_time": "2026-01-01T10:30:00Z",
                "contact_number": "+1234567890",
            },
            "agent": {"id": "agent1"},
            "customer": {"id": "customer1"},
            "callback_url": "https://partner.example.com/callback",
        }
        answer = self.session.post(
            f"{URL}/api/v1/partner/ingest/batch-call", json={"data": [given]}, timeout=60
        )
        return answer.status_code

    def listens(self) -> None:
        """A member of the account hears what the partner recorded."""
        session = self._client()
        body = {"username": "listener", "password": PASSWORD, "device_name": "machine"}
        signed_in = session.post(f"{URL}/api/auth/login", json=body, timeout=30)
        assert signed_in.status_code == 200, signed_in.text
        session.headers["Authorization"] = f"Bearer {signed_in.json()['token']}"
        newest = session.get(f"{URL}/api/telesales/recordings", timeout=30).json()["data"][0]
        heard = session.get(f"{URL}/api/telesales/recordings/{newest['uuid']}", timeout=30)
        assert heard.status_code == 200, heard.text
        assert hashlib.sha256(heard.content).digest() == hashlib.sha256(self.recording).digest()

    def _reads(self) -> int:
        return self._client().get(CALLS, timeout=60).status_code

    def _reads_static(self) -> int | str:
        return 200 if self._static_release() in self._packed else "a static file of neither release"

    def _static_release(self) -> str | None:
        """Which release's static file is given out; None where it is neither's."""
        answer = self._client().get(f"{URL}/static/{STATIC}", timeout=60)
        return self._static.get(answer.content)

    def _objects(self) -> set[str]:
        return set(self.machine.run("find /srv/zipingest/recordings -type f").split())

    def _answers(self) -> list[Any]:
        """The partner's whole list of calls."""
        answer = self.session.get(CALLS, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _client(self) -> requests.Session:
        session = requests.Session()
        session.trust_env, session.verify = False, self._certificate()
        keys = {
            "x-api-key": "key",
            "x-api-secret": "secret",
            "x-tenant-id": "tenant",
            "x-sub-tenant-id": "sub_tenant",
        }
        session.headers.update({header: self.keys[name] for header, name in keys.items()})
        return session

    def _certificate(self) -> str:
        return str(self.machine.root / "etc/zipingest/tls/fullchain.pem")

    def _wait_until_completed(self) -> None:
        query = "SELECT count(*) FROM calls_recording WHERE state <> 'done'"
        self._wait_until(lambda: self._sql(query) == "0")
        callbacks = "SELECT count(*) FROM partners_delivery WHERE state <> 'done'"
        self._wait_until(lambda: self._sql(callbacks) == "0")

    def _sql(self, query: str) -> str:
        return (
            self.machine.run(f'runuser -u postgres -- psql -tA zipingest -c "{query}"')
            .strip()
            .split("\n")[-1]
        )

    @staticmethod
    def _wait_until(true: Callable[[], Any], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not come to its end in time"
            time.sleep(0.5)
