"""The peer as somebody would write it who needs nothing but the rows: FastAPI, pydantic, psycopg, a pool."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool
from pydantic import AfterValidator, AnyUrl, BaseModel, ConfigDict, Field, UrlConstraints, model_validator

from bench.peer.insert import INSERT

_EMAIL = r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$"


def _in_utc(value: datetime) -> datetime:
    offset = value.utcoffset()
    if offset is None or offset:
        raise ValueError("must be in UTC")
    return value


Text255 = Annotated[str, Field(max_length=255)]
Id = Annotated[str, Field(min_length=1, max_length=255)]
Url = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["http", "https"], max_length=2048)]
HttpsUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["https"], max_length=2048)]
Email = Annotated[str, Field(max_length=320, pattern=_EMAIL)]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{1,14}$")]
UtcTime = Annotated[datetime, AfterValidator(_in_utc)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="allow")


class Call(Wire):
    id: Id
    recording_url: Url
    start_time: UtcTime
    end_time: UtcTime
    contact_number: Phone

    @model_validator(mode="after")
    def ends_after_start(self) -> "Call":
        if self.end_time <= self.start_time:
            raise ValueError("end_time must be after start_time")
        return self


class Agent(Wire):
    id: Id
    email: Email | None = None
    name: Text255 | None = None


class Customer(Wire):
    id: Id
    name: Text255 | None = None
    email: Email | None = None
    disposition_status: Text255 | None = None


class CustomField(Wire):
    internal_name: Id
    value: str


class Item(Wire):
    call: Call
    agent: Agent
    customer: Customer
    callback_url: HttpsUrl | None = None
    metadata: Annotated[dict[str, str | int | float], Field(max_length=5)] | None = None
    custom_fields: Annotated[list[CustomField], Field(max_length=10)] | None = None


class Batch(Wire):
    data: Annotated[list[Item], Field(min_length=1, max_length=50)]


@asynccontextmanager
async def _with_pool(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncConnectionPool(os.environ["PEER_DATABASE_URL"], min_size=4, max_size=4) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_with_pool)


@app.post("/batch-call")
async def batch_call(batch: Batch) -> dict[str, Any]:
    async with app.state.pool.connection() as connection:
        await connection.execute(INSERT, [batch.model_dump_json()])
    return {"success": True}
