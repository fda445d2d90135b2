"""The appraisal district's pages."""

import httpx
from selectolax.lexbor import LexborHTMLParser

from sandbox.city import House
from sandbox.world import Town

SEARCH = "/assessor/austin/search"


def fields(page: str) -> dict[str, str]:
    """Labels and values of a detail page."""
    rows = LexborHTMLParser(page).css("table.definition tr")
    return {row.css_first("th").text(strip=True): row.css_first("td").text(strip=True) for row in rows}


async def test_one_hit_redirects_to_the_detail_page(http: httpx.AsyncClient, house: House) -> None:
    found = await http.get(SEARCH, params={"address": house.line})
    assert found.status_code == 302
    page = await http.get(found.headers["location"])
    shown = fields(page.text)
    assert shown["Parcel ID"] == house.parcel
    assert shown["Owner Name"] == house.owner.name
    assert shown["Market Value"] == f"${house.value:,}"
    assert shown["Year Built"] == str(house.year_built)
    assert shown["Living Area"] == f"{house.sqft:,} sq ft"
    assert shown["Situs Address"].startswith(house.line)


async def test_several_hits_make_a_list_of_links(http: httpx.AsyncClient, house: House, town: Town) -> None:
    found = await http.get(SEARCH, params={"address": house.street})
    links = [link.attributes["href"] for link in LexborHTMLParser(found.text).css("table.results a")]
    on_street = [other for other in town.city.houses if other.street == house.street]
    assert len(links) == len(on_street) > 1
    assert f"/assessor/austin/property/{house.parcel}" in links


async def test_nothing_found_says_so(http: httpx.AsyncClient) -> None:
    found = await http.get(SEARCH, params={"address": "99999 NOWHERE RD"})
    assert found.status_code == 200
    assert "No properties matched" in found.text
    assert (await http.get("/assessor/austin/property/0")).status_code == 404


async def test_a_phone_is_shown_only_when_listed(http: httpx.AsyncClient, town: Town) -> None:
    for listed in (True, False):
        house = next(h for h in town.city.houses if h.owner.phone and h.owner.phone_listed is listed)
        page = await http.get(f"/assessor/austin/property/{house.parcel}")
        assert ("555-01" in fields(page.text)["Phone"]) is listed


async def test_names_are_escaped_and_robots_are_told(http: httpx.AsyncClient) -> None:
    found = await http.get(SEARCH, params={"address": "<script>alert(1)</script>"})
    assert "<script>" not in found.text
    assert "Disallow" in (await http.get("/robots.txt")).text
