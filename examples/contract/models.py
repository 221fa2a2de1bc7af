"""The contract of the heating: one model for each message, and what is said of a mistake.

Requests are strict: nothing is converted, and no field overlooked. (Of a field that is given twice, the last
one counts.) Replies may get more fields with time; a client overlooks those that it does not know.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

VERSIONS = ["heating.v1"]  # the subprotocols that are spoken

Room = Literal["kitchen", "hall"]


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    id: int


class Set(Request):
    type: Literal["set"]
    room: Room
    celsius: Annotated[float, Field(ge=5, le=30)]


class Read(Request):
    type: Literal["read"]
    room: Room


requests = TypeAdapter(Annotated[Set | Read, Field(discriminator="type")])


class Done(BaseModel):
    type: Literal["done"] = "done"
    id: int


class Reading(BaseModel):
    type: Literal["reading"] = "reading"
    id: int
    celsius: float | None
    heats: bool


class Problem(BaseModel):
    field: str | None
    text: str


class Error(BaseModel):
    type: Literal["error"] = "error"
    id: int | None
    problems: list[Problem]


Reply = Annotated[Done | Reading | Error, Field(discriminator="type")]

replies = TypeAdapter(Reply)


def problems(error: ValidationError) -> list[Problem]:
    found = []
    for one in error.errors()[:5]:  # a message may have hundreds
        path = [str(step) for step in one["loc"][1:]]  # behind the type of the message
        field = "type" if "union_tag" in one["type"] else ".".join(path) or None
        found.append(Problem(field=field, text=one["msg"]))
    return found


class Envelope(BaseModel):
    model_config = ConfigDict(strict=True)
    id: int | None = None


def id_of(text: str) -> int | None:
    try:
        return Envelope.model_validate_json(text).id
    except ValidationError:
        return None
