"""Control of the sandbox's telephone: scripts for numbers, and the ends of calls. No vendor has these."""

from datetime import datetime
from typing import Any, Literal, get_args

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from sandbox.conversations import OUTCOMES, ZONE
from sandbox.telephone import Told
from sandbox.world import World

Outcome = Literal[
    "interested_demo", "callback", "not_interested", "opt_out", "moderate", "voicemail", "no_answer", "busy", "hang_up"
]
if get_args(Outcome) != OUTCOMES:
    raise AssertionError("the outcomes that can be asked for are those there are")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Script(_Strict):
    """What happens when this number is called; `at` is the time agreed, where one is."""

    number: str
    outcome: Outcome
    at: datetime | None = None


class End(_Strict):
    """Which call ends, and how it is reported; `copies` 0 ends it without a word."""

    call_id: str | None = None
    number: str | None = None
    copies: int = Field(default=1, ge=0, le=100)
    tamper: bool = False
    timestamp_offset: int = 0


class Automation(_Strict):
    """Whether calls end by themselves as soon as they were placed."""

    auto: bool


def router(world: World) -> APIRouter:
    """Routes under /control/calls."""
    routes = APIRouter(prefix="/control/calls")
    telephone = world.telephone

    @routes.get("")
    def calls() -> dict[str, Any]:
        return telephone.report()

    @routes.delete("")
    def forget() -> dict[str, int]:
        return {"removed": telephone.clear()}

    @routes.post("/script")
    def script(wanted: Script) -> dict[str, Any]:
        at = wanted.at if wanted.at is None or wanted.at.tzinfo else wanted.at.replace(tzinfo=ZONE)
        telephone.scripts[wanted.number] = (wanted.outcome, at.astimezone(ZONE) if at else None)
        return wanted.model_dump(mode="json")

    @routes.post("/settings")
    def settings(wanted: Automation) -> dict[str, Any]:
        telephone.auto = wanted.auto
        return wanted.model_dump()

    @routes.post("/end")
    async def end(wanted: End) -> dict[str, Any]:
        call = telephone.find(wanted.call_id, wanted.number)
        if call is None:
            raise HTTPException(404, "There is no such call.")
        statuses = await telephone.end(call, Told(wanted.copies, wanted.tamper, wanted.timestamp_offset))
        return {"call_id": call.id, "statuses": statuses}

    return routes
