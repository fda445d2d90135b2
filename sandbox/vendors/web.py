"""The companies' own websites, good and bad, under one host: their robots.txt is one file, as the standard has it."""

from collections.abc import Callable
from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from sandbox.companies import Firm
from sandbox.vendors.assessor import ROBOTS
from sandbox.world import World

METADATA_SERVICE = "http://169.254.169.254/latest/meta-data/"
"""Where a cloud machine keeps its secrets: a site that redirects there wants the reader's."""
HUGE_BYTES = 5_000_000
NAV = (
    ("", "Home"),
    ("about", "About us"),
    ("services", "Our services"),
    ("team", "Meet the team"),
    ("contact", "Contact"),
)
PROFILES = {
    "facebook": "https://www.facebook.com/{}?ref=site",
    "instagram": "https://instagram.com/{}",
    "linkedin": "https://www.linkedin.com/company/{}/",
}


def router(world: World) -> APIRouter:
    """Routes under /web, and the /robots.txt of the whole host."""
    routes = APIRouter()

    @routes.get("/robots.txt")
    def robots() -> Response:
        firms = (firm for town in world.towns.values() for firm in town.directory.firms)
        lines = [f"Disallow: /web/{firm.slug}/*" for firm in firms if firm.site == "forbidden"]
        everyone, rest = ROBOTS.split("\n", 1)
        return PlainTextResponse("\n".join([everyone, *lines, rest]))

    @routes.get("/web/{slug}/")
    def front(slug: str) -> Response:
        return _serve(world, slug, "")

    @routes.get("/web/{slug}/{page}")
    def inner(slug: str, page: str) -> Response:
        return _serve(world, slug, page)

    return routes


def _serve(world: World, slug: str, page: str) -> Response:
    firm = next((firm for town in world.towns.values() if (firm := town.directory.by_slug.get(slug))), None)
    if firm is None or firm.site == "none":
        return HTMLResponse("<html><body><h1>Not Found</h1></body></html>", status_code=404)
    return BEHAVIOUR.get(firm.site, _full)(firm, page)


def _full(firm: Firm, page: str) -> Response:
    body = PAGES.get(page)
    if body is None:
        return HTMLResponse("<html><body><h1>Page not found</h1></body></html>", status_code=404)
    return HTMLResponse(_page(firm, body(firm)))


def _plain(firm: Firm, page: str) -> Response:
    if page:
        return HTMLResponse("<html><body>Not found</body></html>", status_code=404)
    text = f"<h1>{escape(firm.name)}</h1><p>Roofs in {escape(firm.city)}. Call {_phone(firm)}.</p>{_mail(firm)}"
    return HTMLResponse(f"<html><head><title>{escape(firm.name)}</title></head><body>{text}</body></html>")


def _moved(firm: Firm, page: str) -> Response:
    if page:
        return _full(firm, "" if page == "home" else page)
    return RedirectResponse(f"/web/{firm.slug}/home", status_code=301)


def _gone(_: Firm, page: str) -> Response:
    return HTMLResponse("<html><body><h1>This domain has expired</h1></body></html>", status_code=404)


def _garbage(_: Firm, page: str) -> Response:
    return Response(bytes(range(256)) * 40, media_type="text/html")


def _huge(firm: Firm, page: str) -> Response:
    return HTMLResponse(f"<html><body><p>{'roof ' * (HUGE_BYTES // 5)}</p></body></html>")


def _circle(firm: Firm, page: str) -> Response:
    return RedirectResponse(f"/web/{firm.slug}/{'b' if page == 'a' else 'a'}", status_code=302)


def _private(_: Firm, page: str) -> Response:
    return RedirectResponse(METADATA_SERVICE, status_code=302)


BEHAVIOUR: dict[str, Callable[[Firm, str], Response]] = {
    "plain": _plain,
    "moved": _moved,
    "gone": _gone,
    "garbage": _garbage,
    "huge": _huge,
    "circle": _circle,
    "private": _private,
}
"""What each kind of site does; `full` and `forbidden` ones are plain good sites."""


def _page(firm: Firm, body: str) -> str:
    nav = " ".join(f'<a href="/web/{firm.slug}/{page}">{words}</a>' for page, words in NAV)
    social = " ".join(f'<a href="{PROFILES[network].format(firm.slug)}">{network}</a>' for network in firm.networks)
    share = '<a href="https://www.facebook.com/sharer/sharer.php?u=here">Share</a>'
    agency = '<a href="https://pixelmill.example/">Site</a> by <a href="mailto:hello@pixelmill.example">Pixelmill</a>'
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(firm.name)}</title>"
        '<script>var fake = "script@nobody.example";</script></head>'
        f"<body><nav>{nav}</nav><main>{body}</main><footer>{social} {share} <p>{agency}</p>"
        f"<p>&copy; 2019 {escape(firm.name)}. 25-year warranty.</p></footer></body></html>"
    )


def _front(firm: Firm) -> str:
    commercial = " and commercial" if firm.commercial else ""
    return (
        f"<h1>{escape(firm.name)}</h1><p>Residential{commercial} roofing in {escape(firm.city)}, {firm.state}.</p>"
        f'<p>Call <a href="tel:{firm.phone}">{_phone(firm)}</a> for a free estimate.</p>'
    )


def _about(firm: Firm) -> str:
    insured = "<p>We carry general liability and workers' compensation insurance.</p>" if firm.insured else ""
    licence = f"<p>License #{firm.licence}</p>" if firm.licence else ""
    badges = "".join(f"<li>{escape(name)}&reg; contractor</li>" for name in firm.certifications)
    return f"<h2>About us</h2><p>Family-owned, established in {firm.founded}.</p>{insured}{licence}<ul>{badges}</ul>"


def _services(firm: Firm) -> str:
    return "<h2>What we do</h2><ul>" + "".join(f"<li>{escape(service)}</li>" for service in firm.services) + "</ul>"


def _team(firm: Firm) -> str:
    return f"<h2>Our people</h2><p>We are a team of {firm.employees}, and all of us climb ladders.</p>"


def _contact(firm: Firm) -> str:
    return f"<h2>Contact</h2><p>{escape(firm.street)}, {firm.city}, {firm.state} {firm.zip}</p>{_mail(firm)}"


PAGES: dict[str, Callable[[Firm], str]] = {
    "": _front,
    "about": _about,
    "services": _services,
    "team": _team,
    "contact": _contact,
}


def _mail(firm: Firm) -> str:
    name, _, domain = firm.email.partition("@")
    host, _, top = domain.rpartition(".")
    forms = {
        "mailto": f'<a href="mailto:{firm.email}?subject=Estimate">Write to us</a>',
        "plain": f"<p>Write to {firm.email}.</p>",
        "hidden": f"<p>Write to {name} [at] {host} [dot] {top}</p>",
        "none": '<form method="post"><input name="message"></form>',
    }
    return forms[firm.mail_shown]


def _phone(firm: Firm) -> str:
    return f"{firm.phone[2:5]}.{firm.phone[5:8]}.{firm.phone[8:]}"
