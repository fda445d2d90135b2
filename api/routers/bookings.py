"""Short links in texts: they lead to the page on which a demo is booked (spec 3.6.4, channel 3)."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from activities.outreach.channels.base import from_short_token
from activities.outreach.links import LINK
from api.problems import ApiProblem, Code
from api.resources import Injected

router = APIRouter(tags=["links"])

_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


@router.get("/b/{token}", response_class=RedirectResponse, status_code=303)
async def book(token: str, resources: Injected) -> RedirectResponse:
    """Leads on to the booking page of this text's contractor. Changes nothing: link scanners open it too."""
    touchpoint_id = from_short_token(token)
    if touchpoint_id is None:
        raise ApiProblem(Code.NOT_FOUND)
    async with resources.database.transaction() as tx:
        page = await tx.outreach.kept_link(touchpoint_id, LINK)
    if page is None:
        raise ApiProblem(Code.NOT_FOUND)
    return RedirectResponse(page, status_code=303, headers=_HEADERS)
