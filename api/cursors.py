"""Opaque page cursors: the sort key of the last row, so that pages stay right while rows come and go."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from api.problems import ApiProblem, Code

KeyT = TypeVar("KeyT")

MAX_PAGE = 100
DEFAULT_PAGE = 25
_MAX_CURSOR = 2_000

Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
MomentKey = tuple[Moment, UUID]
"""Sort key of the lists ordered by a time; bounded to what the database can compare."""

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")]
After = Annotated[str | None, Query(max_length=_MAX_CURSOR, description="`next` of the page before.")]


def encode(key: KeyT, shape: TypeAdapter[KeyT]) -> str:
    """The cursor that stands for `key`."""
    return base64.urlsafe_b64encode(shape.dump_json(key)).decode().rstrip("=")


def decode(cursor: str | None, shape: TypeAdapter[KeyT]) -> KeyT | None:
    """The key a cursor stands for, None without one. Raises a 422 problem for anything else."""
    if cursor is None:
        return None
    try:
        return shape.validate_python(json.loads(_decode_bytes(cursor)), strict=False)
    except (ValidationError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as failure:
        raise ApiProblem(Code.INVALID_CURSOR) from failure


def _decode_bytes(token: str) -> bytes:
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as failure:
        raise ApiProblem(Code.INVALID_CURSOR) from failure
