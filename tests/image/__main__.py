"""The smoke test of the image, which `.ci/build-image` runs with services and in a mount namespace.

    python -m tests.image ROOT CONFIG FOLDER

ROOT is where the image is unpacked, CONFIG what `buildah inspect` says of it. Mounts and logs are put into
the empty FOLDER; whoever made it removes it, once the mounts have gone with their namespace. One line for
each thing that must hold, then one for all; the exit code is 0 where all held.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from tests.faults.stack import BATCH_CALL, CALLS, item, session, wait_until
from tests.image.container import TMPFS, Container, Image
from tests.support import audio
from tests.support.partner_server import PartnerServer
from tests.support.services import free_port

# Long, for busy machines: what comes, comes.
WAIT_SECONDS = 180
TONE = 700.0
CALL = "call-of-the-image"
HOST = "calls.example.com"
COMPILERS = ("gcc", "cc", "g++", "c++", "clang", "as", "ld", "make", "rustc", "go", "pip", "pip3")
SECRETS = {
    name: f"only-for-this-test-{name.lower()}-0123456789-abcdefghijklmnopqrstuvwxyz"
    for name in ("SECRET_KEY", "API_KEY_PEPPER", "ENCRYPTION_KEY")
}
# Production refuses to ask this machine's own addresses, where the test's partner is.
DEVELOPMENT = {
    "ZIPINGEST_ENV": "development",
    "ZIPINGEST_ALLOW_LOOPBACK": "True",
    "ALLOWED_HOSTS": f"127.0.0.1,{HOST}",
    "SWEEP_SECONDS": "1",
}
PRODUCTION = {
    "ALLOWED_HOSTS": HOST,
    "PUBLIC_URL": f"https://{HOST}",
    "CSRF_TRUSTED_ORIGINS": f"https://{HOST}",
    "TRUSTED_PROXIES": "127.0.0.1",
}
# As compose.yaml has them: a worker for each queue.
PROGRAMS = {
    "web": (),
    "fetch": ("run_stack", "--exec", "worker", "--queues", "fetch"),
    "callbacks": ("run_stack", "--exec", "worker", "--queues", "callbacks"),
    "exports": ("run_stack", "--exec", "packer"),
    "beat": ("run_stack", "--exec", "beat"),
}
_WRITE = """
import os, sys
for folder in sys.argv[1:]:
    try:
        open(f"{folder}/written", "w").close()
        print(folder, "written")
    except OSError as error:
        print(folder, error.strerror)
print("uid", os.getuid(), "groups", os.getgroups())
"""


class Smoke:
    """What was asked and what did not hold; containers keep their mounts and logs in ``folder``."""

    def __init__(self, image: Image, folder: Path) -> None:
        self.image = image
        self.held = self.failed = 0
        self._folder = folder
        self._port = str(free_port())
        self.url = f"http://127.0.0.1:{self._port}"

    def container(self, name: str, **environment: str) -> Container:
        own = {"BIND": "127.0.0.1", "PORT": self._port, "LOG_LEVEL": "WARNING", **SECRETS}
        own |= {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
        return Container(self.image, name, folder=self._folder, environment={**own, **environment})

    def expect(self, holds: bool, promise: str, seen: object = "") -> None:
        self.held += holds
        self.failed += not holds
        print(f"  {'ok    ' if holds else 'FAILED'}  {promise}" + ("" if holds else f": {seen}"))

    # --- What is in it ------------------------------------------------------------------------------------
    def contents(self) -> None:
        found = [
            str(path)
            for folder in ("usr/bin", "usr/local/bin", "venv/bin", "bin", "usr/sbin")
            for name in COMPILERS
            if (path := self.image.root / folder / name).exists()
        ]
        self.expect(not found, "neither compiler nor pip is in it", found)
        pip = [
            path
            for path in ("etc/pip.conf", "root/.config", "root/.pip")
            if (self.image.root / path).exists()
        ]
        self.expect(not pip, "nor how packages were reached", pip)
        self.expect(self.image.user != 0, "its user is not root", self.image.user)

    def fences(self) -> None:
        folders = ["/", "/app", "/app/static", "/venv", "/usr", "/etc", "/var", "/tmp", "/data", "/blobs"]
        done = self.container("fences").run("-c", _WRITE, *folders, entrypoint=["python"])
        lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        who = lines.pop("uid", done.stdout)
        self.expect(who == f"{self.image.user} groups []", "it runs as that user, without groups", who)
        writable = {folder for folder, result in lines.items() if result == "written"}
        mounted = {f"/{name}" for name in TMPFS} | {"/blobs"}
        self.expect(writable == mounted, "nothing but what is mounted can be written to", lines)

    # --- Production ---------------------------------------------------------------------------------------
    def production(self) -> None:
        done = self.container("check", **PRODUCTION).run("check", "--deploy", "--fail-level", "WARNING")
        self.expect(done.returncode == 0, "production's configuration passes its checks", done.stdout[-2000:])
        done = self.container("migrate", **PRODUCTION).run("migrate", "--noinput", "--verbosity", "0")
        self.expect(done.returncode == 0, "migrate ends with 0", done.stdout[-2000:])
        done = self.container("loopback", **PRODUCTION, ZIPINGEST_ALLOW_LOOPBACK="True").run("check")
        self.expect("zipingest.E005" in done.stdout, "production refuses loopback", done.stdout[-500:])
        with self._running("production-web", **PRODUCTION) as web:
            for path in ("/healthz", "/readyz"):
                answer = session().get(self.url + path, headers={"Host": HOST}, timeout=10)
                self.expect(answer.status_code == 200, f"production answers {path}", answer.text)
            answer = session().get(self.url, headers={"Host": HOST}, timeout=10, allow_redirects=False)
            moved = (answer.status_code, answer.headers.get("Location"))
            self.expect(moved == (301, f"https://{HOST}/"), "and sends http to https", moved)
            proxied = {"Host": HOST, "X-Forwarded-Proto": "https"}
            answer = session().get(f"{self.url}/static/zipingest/pages.css", headers=proxied, timeout=10)
            self.expect(answer.status_code == 200, "static files are in the image", answer.status_code)
            self._expect_end(web)

    # --- A call -------------------------------------------------------------------------------------------
    def call(self) -> None:
        with PartnerServer() as partner:
            running = [self._start(name, *command) for name, command in PROGRAMS.items()]
            try:
                self._wait_until_ready(running[0])
                self._play(partner, running[1])
            finally:
                for container in running:
                    self._expect_end(container)

    def _play(self, partner: PartnerServer, fetch: Container) -> None:
        recording = partner.serve("/call.wav", audio.wav(2.0, tones=(TONE,)), content_type="audio/wav")
        callback = partner.serve("/callback")
        client = self._partner()
        answer = client.post(
            self.url + BATCH_CALL, json={"data": [item(CALL, recording, callback)]}, timeout=30
        )
        self.expect(answer.status_code == 200, "a call is taken", answer.text[:500])
        call = f"{self.url}{CALLS}/{CALL}"
        state: dict[str, str] = {}

        def ended() -> bool:
            state.update(client.get(call, timeout=30).json()["data"])
            return state["state"] in ("completed", "failed")

        wait_until(ended, seconds=WAIT_SECONDS, what="the call has ended")
        self.expect(state["state"] == "completed", "it is fetched and decoded", state)
        heard = audio.level(client.get(f"{call}/recording", timeout=30).content, 0, TONE)
        self.expect(heard > 0.9, "its audio is given back", heard)
        (told,) = partner.wait_for("/callback", timeout=WAIT_SECONDS)
        self.expect("webhook-signature" in told.headers, "a signed callback arrives", dict(told.headers))
        self._expect_fence(fetch)

    def _partner(self) -> requests.Session:
        command = ("create_partner", "Acme", "--tenant=t", "--sub-tenant=s", "--json")
        done = self.container("create-partner", **DEVELOPMENT).run(*command)
        keys = json.loads(done.stdout)
        client = session()
        client.headers.update(
            {
                "x-api-key": keys["key"],
                "x-api-secret": keys["secret"],
                "x-tenant-id": "t",
                "x-sub-tenant-id": "s",
            }
        )
        return client

    def _expect_fence(self, fetch: Container) -> None:
        """The decoder is a process of its own that can get at less than the worker."""
        assert fetch.process is not None
        helpers = [
            child
            for child in psutil.Process(fetch.process.pid).children(recursive=True)
            if any("helper.conversation" in word for word in child.cmdline())
        ]
        self.expect(bool(helpers), "the decoder is a process of its own", fetch.log.read_text()[-1000:])
        for helper in helpers:
            status = _status(helper.pid)
            fenced = (status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapBnd"], 16))
            self.expect(fenced == ("1", 0, 0), "it has no capability and gains none", fenced)
            memory = _address_space(helper.pid)
            self.expect(memory in range(1024**3 + 1), "its memory is limited", memory)
            folder = Path(f"/proc/{helper.pid}/cwd").readlink().name
            self.expect(folder.endswith(" (deleted)"), "its folder is gone from the disk", folder)
            secrets = [name for name in SECRETS if name in helper.environ()]
            self.expect(not secrets, "no secret is in its environment", secrets)

    # --- Running ------------------------------------------------------------------------------------------
    def _start(self, name: str, *command: str, **environment: str) -> Container:
        container = self.container(name, **(environment or DEVELOPMENT))
        container.start(*command)
        return container

    @contextmanager
    def _running(self, name: str, **environment: str) -> Iterator[Container]:
        container = self._start(name, **environment)
        try:
            self._wait_until_ready(container)
            yield container
        finally:
            container.end()

    def _wait_until_ready(self, web: Container) -> None:
        def ready() -> bool:
            assert web.process is not None
            if web.process.poll() is not None:
                raise RuntimeError(f"{web.name} ended by itself:\n{web.log.read_text()[-2000:]}")
            try:
                return session().get(f"{self.url}/healthz", headers={"Host": HOST}, timeout=5).ok
            except requests.RequestException:
                return False

        wait_until(ready, seconds=WAIT_SECONDS, what=f"{web.name} answers")

    def _expect_end(self, container: Container) -> None:
        code = container.end()
        said = container.log.read_text()
        self.expect(code == 0, f"{container.name} ends with 0 at SIGTERM", f"{code}\n{said[-2000:]}")
        self.expect("Traceback" not in said, f"{container.name} ran without a traceback", said[-3000:])


def _status(pid: int) -> dict[str, str]:
    """What the kernel says of a process (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _address_space(pid: int) -> int | None:
    """The hard limit in bytes; None where there is none."""
    words = Path(f"/proc/{pid}/limits").read_text().partition("Max address space")[2].split()
    return None if words[1] == "unlimited" else int(words[1])


def main(root: Path, configuration: Path, folder: Path) -> int:
    smoke = Smoke(Image.read(root, configuration), folder)
    for part in (smoke.contents, smoke.fences, smoke.production, smoke.call):
        print(part.__name__.capitalize())
        try:
            part()
        except Exception as error:  # noqa: BLE001 - whatever it is, the image is not as it should be
            smoke.expect(False, f"{part.__name__} comes to its end", f"{type(error).__name__}: {error}")
    print(f"Smoke test of the image: {smoke.held} hold, {smoke.failed} do not")
    return 1 if smoke.failed else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
