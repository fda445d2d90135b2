"""The pages that links in our letters lead to (spec 11.2; RFC 8058). Opening one changes nothing; only the button does.

Mail scanners open every link, so a GET must be harmless; mail programs post without cookies or a page before.
"""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from activities.inbox.readers import UNSUBSCRIBE, one_click
from api.problems import ApiProblem, Code
from api.resources import Injected, Resources
from api.webhooks.receiving import receive

router = APIRouter(tags=["links"])

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto 0; padding: 0 1.25rem;
  color: #1d2733; background: #fff; }}
button {{ font: inherit; font-weight: 600; padding: .7rem 1.4rem; border: 0; border-radius: .4rem;
  color: #fff; background: #1f4b99; cursor: pointer; }}
button:focus-visible {{ outline: 3px solid #f2a900; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_ASK = _PAGE.format(
    title="Unsubscribe",
    body="""<p>Press the button and you will not hear from us again.</p>
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">Unsubscribe</button>
</form>""",
)
_DONE = _PAGE.format(
    title="You are unsubscribed", body="<p>You will not hear from us again. You may close this page.</p>"
)


@router.get("/unsubscribe/{token}", response_class=HTMLResponse)
async def unsubscribe_page(token: str, resources: Injected) -> HTMLResponse:
    """The page with the button. Changes nothing, however often and by whomever it is opened."""
    await _meaning(token, resources)
    return HTMLResponse(_ASK, headers=_HEADERS)


@router.head("/unsubscribe/{token}", include_in_schema=False)
async def unsubscribe_page_head(token: str, resources: Injected) -> HTMLResponse:
    """The page without its body."""
    return await unsubscribe_page(token, resources)


@router.post("/unsubscribe/{token}", response_class=HTMLResponse)
async def unsubscribe(token: str, resources: Injected) -> HTMLResponse:
    """Unsubscribes, by one click in a mail program or by the page's button. Needs neither cookies nor the page.

    A token of an outreach letter takes its contractor off every channel; one of a notice to a customer stops e-mail
    to them. What the body says does not matter: in doubt, somebody wants out.
    """
    known, meaning = await _meaning(token, resources)
    await receive(resources, UNSUBSCRIBE, one_click(known, datetime.now(UTC), notice=meaning == "notice"))
    return HTMLResponse(_DONE, headers=_HEADERS)


async def _meaning(token: str, resources: Resources) -> tuple[UUID, str]:
    """What a link stands for. Raises a 404 problem for what is none of ours: tokens are random, so guessing is vain."""
    try:
        known = UUID(token)
    except ValueError as failure:
        raise ApiProblem(Code.NOT_FOUND) from failure
    async with resources.database.transaction() as tx:
        meaning = await tx.responses.is_a_link(known)
    if meaning is None:
        raise ApiProblem(Code.NOT_FOUND)
    return known, meaning
