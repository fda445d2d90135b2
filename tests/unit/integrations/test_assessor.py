from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from domain.address import Address
from domain.property_record import AssessorRecord
from domain.roof import RoofMaterial
from integrations.assessor import LABELS, Assessor, AssessorSite, read_detail
from integrations.http import VendorRejected, VendorUnavailable, VendorUnreadable
from tests.unit.integrations.vendor import Vendor, says

ADDRESS = Address("5300 COPPER FINCH DR", "Austin", "TX", "78757")
SITE = AssessorSite.from_config("https://county.example/search?address={address}", None)

FACTS = {
    "Parcel ID": "0157000001",
    "Situs Address": "5300 COPPER FINCH DR, AUSTIN, TX 78757",
    "Owner Name": "DOE, JANE A",
    "Mailing Address": "PO Box 9, Austin, TX 78757",
    "Phone": "(512) 555-0123",
    "Owner E-mail": "jane@post.example",
    "Market Value": "$412,500",
    "Year Built": "1964",
    "Living Area": "1,850 sq ft",
    "Lot Size (Acres)": "0.215",
    "Bedrooms": "3",
    "Bathrooms": "2.5",
    "Property Type": "Single Family Residence",
    "Last Sale Date": "03/14/2011",
    "Last Sale Price": "N/A",
    "Annual Tax": "$7,466.25",
    "Roof Cover": "Composition shingle",
}


def table(facts: dict[str, str]) -> str:
    rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in facts.items())
    return f"<!doctype html><html><body><h1>Property</h1><table>{rows}</table></body></html>"


def listing(facts: dict[str, str]) -> str:
    items = "".join(f"<dt>{name}:</dt>\n<!-- x --><dd> {value} </dd>" for name, value in facts.items())
    return f"<html><body><dl>{items}</dl></body></html>"


def four_columns(facts: dict[str, str]) -> str:
    pairs = [f"<td>{name}</td><td>{value}</td>" for name, value in facts.items()]
    rows = "".join(f"<tr>{''.join(pairs[index : index + 2])}</tr>" for index in range(0, len(pairs), 2))
    return f"<html><body><table>{rows}</table></body></html>"


def read(html: str) -> AssessorRecord | None:
    return read_detail(LexborHTMLParser(html), LABELS)


@pytest.mark.parametrize("layout", [table, listing, four_columns])
def test_a_parcel_is_read_by_its_labels_in_any_layout(layout: Any) -> None:
    assert read(layout(FACTS)) == AssessorRecord(
        parcel_id="0157000001",
        property_address="5300 COPPER FINCH DR, AUSTIN, TX 78757",
        owner_name="DOE, JANE A",
        owner_mailing_address="PO Box 9, Austin, TX 78757",
        owner_phone="(512) 555-0123",
        owner_email="jane@post.example",
        property_value=Decimal("412500.00"),
        year_built=1964,
        sqft=1850,
        lot_size=Decimal("0.22"),
        beds=3,
        baths=Decimal("2.5"),
        property_type="Single Family Residence",
        last_sale_date=date(2011, 3, 14),
        tax_amount=Decimal("7466.25"),
        roof_type=RoofMaterial.SHINGLE,
    )


@pytest.mark.parametrize(
    ("label", "text", "field"),
    [
        ("Market Value", "call us", "property_value"),
        ("Market Value", "$0", "property_value"),
        ("Market Value", "$" + "9" * 30, "property_value"),
        ("Year Built", "12", "year_built"),
        ("Year Built", "unknown", "year_built"),
        ("Living Area", "3", "sqft"),
        ("Bedrooms", "-1", "beds"),
        ("Bathrooms", "400", "baths"),
        ("Last Sale Date", "13/45/2011", "last_sale_date"),
        ("Owner E-mail", "jane at post", "owner_email"),
        ("Owner Name", " - ", "owner_name"),
        ("Roof Cover", "other", "roof_type"),
        ("Lot Size (Acres)", "big", "lot_size"),
    ],
)
def test_a_value_that_cannot_be_right_is_left_out(label: str, text: str, field: str) -> None:
    record = read(table({**FACTS, label: text}))
    assert record is not None
    assert getattr(record, field) is None


@pytest.mark.parametrize(
    ("text", "acres"), [("8,712 sq ft", "0.20"), ("0.5 ac", "0.50"), ("10890", "0.25"), ("2", "2.00"), (".25", "0.25")]
)
def test_lots_in_square_feet_become_acres(text: str, acres: str) -> None:
    record = read(table({**FACTS, "Lot Size (Acres)": text}))
    assert record is not None
    assert record.lot_size == Decimal(acres)


def test_a_county_may_name_its_own_labels() -> None:
    site = AssessorSite.from_config("https://x.example/{number}/{street}", {"labels": {"owner_name": ["Titular"]}})
    record = read_detail(LexborHTMLParser(table({**FACTS, "Titular": "ROE, RICHARD"})), site.labels)
    assert record is not None
    assert record.owner_name == "ROE, RICHARD"
    assert site.search_url(ADDRESS) == "https://x.example/5300/COPPER%20FINCH%20DR"


@pytest.mark.parametrize(
    "facts", [{}, {"Parcel ID": "1"}, {"Year Built": "1964", "Bedrooms": "3", "Bathrooms": "2"}, {"a": "b", "c": "d"}]
)
def test_too_little_of_a_parcel_is_none(facts: dict[str, str]) -> None:
    assert read(table(facts)) is None


async def find(*pages: httpx.Response | Exception) -> AssessorRecord | None:
    return await Assessor(Vendor(*pages).http).find(SITE, ADDRESS)


async def test_one_hit_redirects_to_its_page() -> None:
    vendor = Vendor(says("", 302, Location="/property/0157000001"), says(table(FACTS)))
    record = await Assessor(vendor.http).find(SITE, ADDRESS)
    assert record is not None
    assert [request.url.path for request in vendor.requests] == ["/search", "/property/0157000001"]
    assert vendor.requests[0].url.params["address"] == "5300 COPPER FINCH DR"


HITS = """<html><body><table><tr><th>Parcel ID</th><th>Situs address</th><th>Owner</th></tr>
<tr><td><a href="/p/1">1</a></td><td>5301 COPPER FINCH DR</td><td>A</td></tr>
<tr><td><a href="/p/2">2</a></td><td>5300 Copper Finch Drive</td><td>B</td></tr></table></body></html>"""


async def test_of_several_hits_the_one_at_the_address_is_opened() -> None:
    vendor = Vendor(says(HITS), says(table(FACTS)))
    assert await Assessor(vendor.http).find(SITE, ADDRESS) is not None
    assert vendor.requests[1].url.path == "/p/2"


@pytest.mark.parametrize(
    "page",
    [
        says("<html><body><p>No properties matched your search.</p></body></html>"),
        says("<html><body>0 records found</body></html>"),
        says("<html><body><p>No property has this parcel number.</p></body></html>", 404),
        says(HITS.replace("5300 Copper", "5304 Copper")),
        says(table({**FACTS, "Situs Address": "5302 COPPER FINCH DR"})),
    ],
)
async def test_no_parcel_at_the_address_is_none(page: httpx.Response) -> None:
    assert await find(page) is None


@pytest.mark.parametrize(
    "page",
    [
        says(""),
        says("the database is on fire"),
        says(b"\x00\xff\xfe" * 50),
        says("<html><body>Maintenance tonight</body></html>"),
        says(table(FACTS)[:120]),
        says({"error": "json where a page should be"}),
        says("<" * 10_000),
    ],
)
async def test_a_page_of_garbage_is_unreadable(page: httpx.Response) -> None:
    with pytest.raises(VendorUnreadable):
        await find(page)


async def test_redirects_end() -> None:
    with pytest.raises(VendorUnreadable, match="too many redirects"):
        await find(says("", 302, Location="/search?again"))


@pytest.mark.parametrize("target", ["https://elsewhere.example/p/1", "//elsewhere.example/p/1", "http://127.0.0.1/"])
async def test_a_county_page_leads_nowhere_else(target: str) -> None:
    vendor = Vendor(says("", 302, Location=target))
    with pytest.raises(VendorRejected, match="another host"):
        await Assessor(vendor.http).find(SITE, ADDRESS)
    assert len(vendor.requests) == 1


async def test_a_county_that_is_down_is_unavailable() -> None:
    with pytest.raises(VendorUnavailable):
        await find(says("", 500))


@given(st.text(max_size=400))
def test_no_page_however_odd_breaks_the_reader(text: str) -> None:
    record = read(f"<table><tr><th>Parcel ID</th><td>1</td></tr><tr><td>Year Built<td>{text}</table>{text}")
    assert record is None or record.parcel_id == "1"
