"""A county appraisal district: a search page and a page per property, as HTML tables."""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from sandbox.addresses import street_key
from sandbox.city import City, House
from sandbox.world import World

MAX_RESULTS = 50
ROBOTS = """User-agent: *
Disallow: /assessor/*/export
Disallow: /*?*sort=
Crawl-delay: 0.05

User-agent: GreedyBot
Disallow: /
"""


def router(world: World) -> APIRouter:
    """Routes under /assessor."""
    routes = APIRouter()

    @routes.get("/assessor/{slug}/robots.txt")
    def robots(slug: str = "") -> Response:
        return PlainTextResponse(ROBOTS)

    @routes.get("/assessor/{slug}/search")
    def search(slug: str, address: str = "") -> Response:
        town = world.towns.get(slug)
        if town is None:
            return _page(404, "Not found", "<p>There is no such district.</p>")
        wanted = street_key(address.split(",")[0])
        if len(wanted) < 3:
            return _page(200, "Property search", "<p class='notice'>Enter a house number and a street.</p>")
        found = _matches(town.city, wanted)
        if len(found) == 1:
            return RedirectResponse(f"/assessor/{slug}/property/{found[0].parcel}", status_code=302)
        return _page(200, "Search results", _results(slug, found) if found else _nothing())

    @routes.get("/assessor/{slug}/property/{parcel}")
    def detail(slug: str, parcel: str) -> Response:
        town = world.towns.get(slug)
        house = town.city.by_parcel.get(parcel) if town else None
        if town is None or house is None:
            return _page(404, "Not found", "<p class='notice'>No property has this parcel number.</p>")
        return _page(200, f"Property {house.parcel}", _detail(town.city, house))

    return routes


def _matches(city: City, wanted: str) -> list[House]:
    exact = city.by_key.get(wanted)
    if exact:
        return [exact]
    return [house for key, house in city.by_key.items() if key.startswith(wanted) or key.endswith(" " + wanted)]


def _nothing() -> str:
    return "<p class='notice'>No properties matched your search.</p>"


def _results(slug: str, found: list[House]) -> str:
    rows = "".join(
        f"<tr><td><a href='/assessor/{slug}/property/{house.parcel}'>{house.parcel}</a></td>"
        f"<td>{escape(house.line)}</td><td>{escape(house.owner.name)}</td>"
        f"<td class='money'>${house.value:,}</td></tr>"
        for house in found[:MAX_RESULTS]
    )
    more = f"<p class='notice'>Showing 1-{MAX_RESULTS} of {len(found)}.</p>" if len(found) > MAX_RESULTS else ""
    head = "<tr><th>Parcel ID</th><th>Situs address</th><th>Owner</th><th>Market value</th></tr>"
    return f"{more}<table class='results'><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _detail(city: City, house: House) -> str:
    sold = house.sale_date.strftime("%m/%d/%Y")
    tables: dict[str, dict[str, str | None]] = {
        "Property": {
            "Parcel ID": house.parcel,
            "Situs Address": f"{house.line}, {house.city.upper()}, {house.state} {house.zip}",
            "Legal Description": house.legal,
            "Property Type": "Single Family Residence",
            "Lot Size (Acres)": f"{house.lot_acres:.3f}",
            "Neighborhood": house.neighbourhood.name.upper(),
        },
        "Owner": {
            "Owner Name": house.owner.name,
            "Mailing Address": house.mailing,
            "Phone": _phone(house.owner.phone) if house.owner.phone_listed else None,
            "Ownership": "100.00%",
        },
        "Values": {
            "Market Value": f"${house.value:,}",
            "Assessed Value": f"${house.value:,}",
            "Annual Tax": f"${house.tax:,.2f}",
        },
        "Improvement": {
            "Year Built": str(house.year_built),
            "Living Area": f"{house.sqft:,} sq ft",
            "Bedrooms": str(house.beds) if house.beds else None,
            "Bathrooms": f"{house.baths:.1f}",
            "Stories": "1.0",
        },
        "Deed History": {
            "Last Sale Date": sold,
            "Last Sale Price": f"${house.sale_price:,}" if house.sale_price else "N/A",
        },
    }
    county = f"<p class='county'>{escape(city.spec.county)} County Appraisal District</p>"
    return county + "".join(_table(title, fields) for title, fields in tables.items())


def _table(title: str, fields: dict[str, str | None]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value) if value else '&nbsp;'}</td></tr>"
        for name, value in fields.items()
    )
    return f"<section><h2>{escape(title)}</h2><table class='definition'><tbody>{rows}</tbody></table></section>"


def _phone(phone: str | None) -> str | None:
    return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}" if phone else None


def _page(status: int, title: str, body: str) -> HTMLResponse:
    form = "<form action='search'><label>Address <input name='address'></label><button>Search</button></form>"
    return HTMLResponse(
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title></head>"
        f"<body><header><h1>{escape(title)}</h1>{form}</header><main>{body}</main></body></html>",
        status_code=status,
    )
