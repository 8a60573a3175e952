"""Bodies and queries of the telesales surface: strict models, and what is wrong with them in its words.

Errors are ``{"field", "message"}``; a message is a whole sentence, a field inside another is ``agent_ids.0``.
"""

import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from zipingest.api.body import unstorable
from zipingest.api.errors import ApiError

MAX_PER_PAGE = 200

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


class Wire(BaseModel):
    """Strict types; keys we do not know are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore")


Model = TypeVar("Model", bound=Wire)


def wrong(message: str) -> PydanticCustomError:
    """An error whose ``message`` is the whole sentence."""
    return PydanticCustomError("wrong", "{message}", {"message": message})


def parse(model: type[Model], value: Any) -> Model:
    """``value`` as ``model``; raises ApiError 422 with every error there is."""
    parsed, errors = None, []
    try:
        parsed = model.model_validate(value)
    except ValidationError as error:
        errors = [_told(details["loc"], _problem(details)) for details in error.errors(include_url=False)]
    errors += [_told(path, f"The {{}} field {problem}.") for path, problem in unstorable(value)]
    if parsed is None or errors:
        raise invalid(errors)
    return parsed


def invalid(errors: list[dict[str, str]], message: str = "The given data was invalid.") -> ApiError:
    return ApiError(422, message, errors=errors)


def whole_number(value: Any) -> int:
    """A number of a query string (at most nine digits)."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise PydanticCustomError("int_type", "not a whole number")
    return int(value)


Number = Annotated[int, BeforeValidator(whole_number)]


class PageQuery(Wire):
    """Which page of a list; a query that filters too is a subclass."""

    page: Annotated[Number, Field(ge=1), WithJsonSchema({"type": "integer", "minimum": 1})] = 1
    per_page: Annotated[
        Number,
        Field(ge=1, le=MAX_PER_PAGE),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE}),
    ] = 50


def _told(path: tuple[str | int, ...], message: str) -> dict[str, str]:
    field = ".".join(str(step) for step in path) or "body"
    return {"field": field, "message": message.replace("{}", field)}


def _problem(details: ErrorDetails) -> str:
    """The sentence for an error; ``{}`` stands for the field."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "wrong":
        return str(context["message"])
    if kind == "missing" or details["input"] is None:
        return "The {} field is required."
    limit = next((context[name] for name in ("ge", "le", "max_length", "min_length") if name in context), "")
    return _SENTENCES.get(kind, "The {} field is invalid.").replace("LIMIT", str(limit))


_SENTENCES = {
    "string_type": "The {} field must be a string.",
    "string_unicode": "The {} field must not contain unpaired surrogates.",
    "string_too_short": "The {} field is required.",
    "string_too_long": "The {} field must not be greater than LIMIT characters.",
    "int_type": "The {} field must be an integer.",
    "bool_type": "The {} field must be true or false.",
    "list_type": "The {} field must be an array.",
    "dict_type": "The {} field must be an object.",
    "model_type": "The {} field must be an object.",
    "too_long": "The {} field must not have more than LIMIT items.",
    "too_short": "The {} field must have at least LIMIT items.",
    "greater_than_equal": "The {} field must be at least LIMIT.",
    "less_than_equal": "The {} field must not be greater than LIMIT.",
}
