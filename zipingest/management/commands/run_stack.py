"""The embedded stack in one process tree: web, two workers and beat under one supervisor."""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from zipingest import env
from zipingest.supervisor import Program, Supervisor

# The embedded stack has one worker for both: two would take twice the memory.
_QUEUES = "fetch,callbacks"
# Packing takes minutes and most of a core.
_PACKING_AT_ONCE = 2
# Asking a provider for a call takes a moment; the calls themselves hold nobody.
_DIALLING_AT_ONCE = 4
# Packing is promised flat memory. The checks, which migrating makes too, would load all that only the web
# needs; and glibc would keep an arena for each of the reading threads.
_LEAN = {"packer": {"CELERY_SKIP_CHECKS": "1", "MALLOC_ARENA_MAX": "2"}}


class Command(BaseCommand):
    help = "Prepare the data folder and the database, then run web, workers and beat until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workers", type=int, default=8, help="threads that fetch and deliver (8)")
        parser.add_argument(
            "--grace", type=float, default=60.0, help="seconds to finish in when stopped (60)"
        )
        parser.add_argument(
            "--exec",
            choices=("web", "worker", "packer", "dialer", "follower", "beat"),
            help="become this one program: nothing prepared, nobody supervised (containers, systemd)",
        )
        parser.add_argument(
            "--queues",
            default=_QUEUES,
            help=f"of the worker, comma-separated, to have one for each ({_QUEUES})",
        )

    def handle(self, *, workers: int, grace: float, queues: str, **options: Any) -> None:
        refuse_unknown_queues(queues.split(","))
        bind = env.text("BIND", "127.0.0.1")
        programs = {program.name: program for program in stack(bind=bind, workers=workers, queues=queues)}
        if options["exec"]:
            if options["exec"] not in programs:
                raise CommandError("nobody carries calls here: set TELEPHONY_PROVIDER")
            become(programs[options["exec"]])
        refuse_used_port(bind, settings.PORT)
        self._prepare()
        self._say(f"Web on {_url(bind)}, console at {_url(bind)}/admin/; data in {settings.DATA_DIR}")
        supervisor = Supervisor(list(programs.values()), say=self._say, grace=grace)
        if supervisor.run():
            raise CommandError(
                "not everything stopped in time; unfinished work is taken up at the next start"
            )

    def _prepare(self) -> None:
        make_folders()
        if os.geteuid() == 0:
            self._say("Running as root: fine to try things out, but give it an account of its own to stay")
        self._say("Preparing the database and static files")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        connections.close_all()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def stack(*, bind: str, workers: int, queues: str = _QUEUES) -> list[Program]:
    """The programs, for the supervisor here and a container each elsewhere; ``queues`` are the worker's."""
    commands = {
        "web": _web(bind),
        "worker": _worker(queues, threads=workers),
        "packer": _worker("exports", threads=_PACKING_AT_ONCE),
        "beat": _beat(),
    }
    if settings.TELEPHONY_PROVIDER:
        commands["dialer"] = _worker("dialer", threads=_DIALLING_AT_ONCE)
        commands["follower"] = ["django", "follow_calls"]
    # Celery's warning about root, at every start and eight lines long; we say it in one (_prepare).
    python = [_python(), "-W", "ignore:You're running the worker with superuser privileges", "-m"]
    return [
        Program(name, [*python, *command], folder=settings.BASE_DIR, environment=_LEAN.get(name, {}))
        for name, command in commands.items()
    ]


def _python() -> str:
    """Of the release that runs now, even where a link to it led here that will name another one.

    The name itself stays as it is: by it Python finds the packages of its virtual environment.
    """
    python = Path(sys.executable)
    return str(python.parent.resolve() / python.name)


def _web(bind: str) -> list[str]:
    host = f"[{bind}]" if ":" in bind else bind
    command = ["gunicorn", "zipingest.wsgi:application", f"--bind={host}:{settings.PORT}"]
    command += ["--worker-class=gthread", "--threads=8", "--log-level=warning", "--no-control-socket"]
    # Without Redis the limits are counted in the memory of the one process; else WEB_CONCURRENCY decides.
    return command if settings.REDIS_URL else [*command, "--workers=1"]


def _worker(queues: str, *, threads: int) -> list[str]:
    command = ["celery", "-A", "zipingest", "--quiet", "worker", "--pool=threads", f"--concurrency={threads}"]
    command += [f"--queues={queues}", "--loglevel=WARNING"]
    # Workers find work in the database, so they need not know of each other.
    return [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"]


def _beat() -> list[str]:
    return ["celery", "-A", "zipingest", "--quiet", "beat", "--loglevel=WARNING"]


def become(program: Program) -> NoReturn:
    """Replaces this process, so that signals and the exit code are the program's own."""
    os.chdir(program.folder or settings.BASE_DIR)
    environment = {**os.environ, **program.environment}
    os.execve(program.command[0], list(program.command), environment)  # noqa: S606 - our own command, no shell


def make_folders() -> None:
    folders = [settings.DATA_DIR, Path(settings.STATIC_ROOT)]
    folders += broker_folders()
    if settings.STORAGE_URL.startswith("file://"):
        folders.append(Path(urlsplit(settings.STORAGE_URL).path))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


def broker_folders() -> list[Path]:
    """Where the filesystem broker keeps its messages; empty with Redis."""
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    return [Path(options[name]) for name in ("data_folder_in", "control_folder") if name in options]


def queues_of() -> set[str]:
    """Every queue that something is sent to."""
    routes = settings.CELERY_TASK_ROUTES.values()
    return {settings.CELERY_TASK_DEFAULT_QUEUE, *(route["queue"] for route in routes)}


def refuse_unknown_queues(queues: Sequence[str]) -> None:
    """Raises CommandError for a queue that nothing is sent to: its worker would wait for ever."""
    known = queues_of()
    if unknown := sorted(set(queues) - known):
        raise CommandError(f"no queue {', '.join(unknown)}: there are {', '.join(sorted(known))}")


def refuse_used_port(bind: str, port: int) -> None:
    """Raises CommandError where gunicorn could not listen."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"cannot listen on {bind} port {port} ({reason}): set PORT or BIND") from error


def _url(bind: str) -> str:
    host = f"[{bind}]" if ":" in bind else bind
    return f"http://{host}:{settings.PORT}"
