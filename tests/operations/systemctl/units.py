"""Unit files, read as systemd.unit(5) says, and which of them a target starts."""

from collections import defaultdict
from pathlib import Path

UNITS = Path("/etc/systemd/system")
DONE = {
    "Unit": {"Description", "After", "Wants", "Requires", "PartOf"},
    "Socket": {"ListenStream", "Backlog", "Service"},
    "Install": {"WantedBy"},
    "Service": {
        "Type", "User", "Group", "WorkingDirectory", "EnvironmentFile", "Environment", "ExecStart", "Sockets",
        "Restart", "RestartSec", "KillMode", "TimeoutStopSec", "TimeoutStartSec", "StateDirectory", "UMask",
    },
}  # fmt: skip # a table: its rows stay on a line each
Unit = dict[str, dict[str, list[str]]]


class Refused(Exception):
    pass


def read_unit(name: str) -> Unit:
    """Sections of directives, each with all its values; drop-ins come last, as in systemd.unit(5)."""
    stem, at, rest = name.partition("@")
    instance, suffix = rest.rpartition(".")[::2] if at else ("", name.rpartition(".")[2])
    main = UNITS / (f"{stem}@.{suffix}" if at else name)
    if not main.exists():
        raise Refused(f"Unit {name} not found.")
    prefix = stem.rpartition(".")[0] if not at else stem
    found = [main]
    for end in (position for position, sign in enumerate(prefix) if sign == "-"):
        found += sorted((UNITS / f"{prefix[: end + 1]}.{suffix}.d").glob("*.conf"))
    found += sorted((UNITS / f"{name}.d").glob("*.conf"))
    unit: Unit = defaultdict(lambda: defaultdict(list))
    for path in found:
        _read_into(unit, path.read_text().replace("%i", instance))
    return unit


def _read_into(unit: Unit, text: str) -> None:
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            unit[section][name].append(value)


def one(unit: Unit, section: str, name: str, default: str = "") -> str:
    return unit[section][name][-1] if unit[section][name] else default


def words(unit: Unit, section: str, name: str) -> list[str]:
    return [word for value in unit[section][name] for word in value.split()]


def enable(name: str) -> None:
    """Raises Refused where there is nothing that would start it with the machine."""
    targets = words(read_unit(name), "Install", "WantedBy")
    if not targets:
        raise Refused(f"{name} has no [Install] section: it cannot be enabled.")
    stem, at, rest = name.partition("@")
    for target in targets:
        link = UNITS / f"{target}.wants" / name
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(UNITS / (f"{stem}@.{rest.rpartition('.')[2]}" if at else name))
