"""What the bodies of surfaces are made of: strict shapes, web addresses, names of fields, times."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

# Nothing about it needs a parser to be judged; most URLs are like that.
_PLAIN_URL = re.compile(r"(https?)://[A-Za-z0-9.-]+(?::[1-9][0-9]{0,3})?(?:/[!-~]*)?")


class Wire(BaseModel):
    """Strict types; keys we do not know are kept (as ``model_extra``), never refused."""

    model_config = ConfigDict(strict=True, extra="allow")

    def extras(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


def wrong(message: str) -> PydanticCustomError:
    """An error whose ``message`` follows the field's name."""
    return PydanticCustomError("wrong", "{message}", {"message": message})


def is_url(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether ``value`` is an address of the web with one of ``schemes``; nobody asks whether it answers."""
    plain = _PLAIN_URL.fullmatch(value)
    if plain:
        return plain[1] in schemes
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port != 0
    except ValueError:
        return False
    printable = value.isprintable() and " " not in value
    return printable and parts.scheme in schemes and bool(parts.hostname) and port_is_valid


def field_name(path: tuple[str | int, ...]) -> str:
    """``("data", 0, "call", "id")`` as ``data[0].call.id``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def time_text(value: datetime | None) -> str | None:
    """ISO 8601 in UTC to the millisecond, as ``2023-01-01T10:00:00.000Z``."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _url(value: str) -> str:
    if not is_url(value, ("http", "https")):
        raise wrong("must be a URL address")
    return value


Text255 = Annotated[str, Field(max_length=255)]
Id = Annotated[str, Field(min_length=1, max_length=255)]
Url = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_url)]
