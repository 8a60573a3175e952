from typing import Annotated

from pydantic import Field

from partners.api.wire import Wire


class SignInBody(Wire):
    """``device_name`` names the token in the console's list."""

    username: Annotated[str, Field(min_length=1, max_length=150)]
    password: Annotated[str, Field(min_length=1, max_length=4096)]
    device_name: Annotated[str, Field(max_length=255)] | None = None
