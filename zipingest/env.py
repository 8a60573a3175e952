"""The one strict reader of environment variables.

A boolean is ``True`` or ``False``, a number is a number, and anything else stops the start with the name
of the variable. ``NAME_FILE`` holds a path whose content stands in for ``NAME`` (container secrets).
"""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """``NAME``, else the content of the file ``NAME_FILE``, else ``default``."""
    if name in os.environ:
        return os.environ[name]
    path = os.environ.get(f"{name}_FILE")
    if path is None:
        return default
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error.strerror}") from error


def boolean(name: str, *, default: bool) -> bool:
    value = text(name, str(default))
    if value not in ("True", "False"):
        raise ImproperlyConfigured(f"{name} must be True or False, not {value!r}")
    return value == "True"


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {minimum}, not {value!r}")
    return int(value)


def integers(name: str, default: str) -> tuple[int, ...]:
    value = text(name, default)
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ImproperlyConfigured(f"{name} must be whole numbers separated by commas, not {value!r}")
    return tuple(int(part) for part in parts)


def words(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def choice(name: str, default: str, options: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}, not {value!r}")
    return value


def secret(name: str, *, folder: Path | None) -> str:
    """A secret from the environment, else one generated once into ``folder`` (readable by its owner only).

    Without a folder (production) an unset secret stays empty; a system check then says what to set.
    """
    value = text(name)
    if value or folder is None:
        return value
    path = folder / name.lower()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Two processes starting at once must end with one secret: write aside, and let the first link win.
    draft = folder / f".{name.lower()}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
