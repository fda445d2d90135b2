"""Which listings are one company, and what is true of it (spec 3.6.1)."""

import time
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.companies import (
    GOOGLE,
    YELP,
    Known,
    Listing,
    Record,
    assign,
    clusters,
    email_domain,
    fill,
    merge,
    name_similarity,
    normal_name,
    refusal,
    same_company,
    street_of,
    website_key,
)
from domain.geo import Point

HERE = Point(30.3470, -97.7420)
ONE = Record(
    key="one",
    name="Lone Mesquite Roofing LLC",
    phone="+15125550110",
    website="https://www.lonemesquite.example/?utm=maps",
    street="100 Main Street Suite 4",
    city="Austin",
    state="TX",
    zip="78757",
    at=HERE,
)
OTHER = Record(key="other", name="Blue Heron Roofing", city="Austin", state="TX", zip="78701")


def listing(record: Record = ONE, source: str = GOOGLE, external_id: str = "g1", **facts: object) -> Listing:
    return Listing(source, external_id, record, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Lone Mesquite Roofing, L.L.C.", "lone mesquite roof"),
        ("THE LONE MESQUITE ROOFERS INC", "lone mesquite roof"),
        ("J.R. Roofing & Sons Co.", "jr roof sons"),
        ("Peña Roofing", "pena roof"),
        ("Company", "company"),
        ("", ""),
    ],
)
def test_names_are_levelled(name: str, normal: str) -> None:
    assert normal_name(name) == normal


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Lone Mesquite Roofing", "Lonemesquite Roofers LLC", True),
        ("Bluebonnet Roofing", "Bluebonet Roof & Gutter Co", True),
        ("J&R Roofing", "J and R Roofers, Inc.", True),
        ("Capital Roofing", "Capitol Roofing", False),
        ("Roofing Company", "Roofing Co", True),
        ("Roofing Company", "Roof Repair Pros", False),
        ("Blue Heron Roofing", "Red Heron Roofing", False),
    ],
)
def test_names_alike_or_not(one: str, other: str, alike: bool) -> None:
    assert (name_similarity(one, other) >= 88) == alike
    assert name_similarity(one, other) == name_similarity(other, one)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.one.example/contact?x=1", "one.example"),
        ("one.example", "one.example"),
        ("https://facebook.com/One.Roofing/", "facebook.com/one.roofing"),
        ("https://one.wixsite.com/home", "one.wixsite.com/home"),
        ("https://www.yelp.com/biz/one", None),
        ("http://127.0.0.1:8000/web/one/", "127.0.0.1:8000/web/one"),
        ("http://one.example:x/", None),
        ("", None),
        (None, None),
    ],
)
def test_a_website_belongs_to_a_host_or_a_page(url: str | None, key: str | None) -> None:
    assert website_key(url) == key


def test_streets_and_mail_domains() -> None:
    assert street_of("100 Main Street Suite 4", "Austin", "TX") == street_of("100 main st #9", "Austin", "TX")
    assert street_of("PO Box 12", "Austin", "TX") is None
    assert email_domain("Info@One.Example") == "one.example"
    assert email_domain("one@gmail.com") is None
    assert email_domain(None) is None


STRANGER = Record(key="stranger", name="Grackle Exteriors", city="Austin", state="TX", zip="78702")
NO_PHONE = replace(ONE, key="x", phone=None, website=None)
OTHER_PHONE = replace(ONE, key="x", phone="+15125550119", website=None)
ELSEWHERE = "9 Elsewhere Ln"

SAME = {
    "phone": replace(OTHER, phone=ONE.phone),
    "website": replace(OTHER, website="http://lonemesquite.example"),
    "name and street": replace(OTHER_PHONE, name="Lone Mesquite Roofers", street="100 main st"),
    "name and ZIP": replace(NO_PHONE, street=ELSEWHERE, at=None),
    "name and half a mile": replace(NO_PHONE, zip="78758", street=ELSEWHERE, at=Point(30.3535, -97.7420)),
    "the same name in a city without addresses": Record("x", "Lone Mesquite Roofing", city="AUSTIN", state="TX"),
}
DIFFERENT = {
    "nothing in common": OTHER,
    "a toll-free number": replace(OTHER, phone="+18885550142"),
    "the name elsewhere": replace(NO_PHONE, zip="78701", street=ELSEWHERE, at=Point(30.36, -97.74)),
    "the name and ZIP, other phone and street": replace(OTHER_PHONE, street=ELSEWHERE),
    "one house": replace(OTHER, street=ONE.street, zip=ONE.zip, at=ONE.at),
    "a franchise's website": replace(
        ONE, key="x", phone="+15125550119", street=ELSEWHERE, zip="78664", at=Point(30.5, -97.7)
    ),
    "a similar name at the pin of hidden addresses": Record(
        "x", "Lone Mesquite Storm Roofing Austin", "+15125550119", city="Austin", state="TX", at=HERE
    ),
}


@pytest.mark.parametrize("why", SAME)
def test_the_same_company(why: str) -> None:
    assert same_company(ONE, SAME[why])
    assert same_company(SAME[why], ONE)
    assert [sorted(group) for group in clusters([ONE, STRANGER, SAME[why]])] == [[0, 2], [1]]


@pytest.mark.parametrize("why", DIFFERENT)
def test_different_companies(why: str) -> None:
    one = replace(ONE, phone="+18885550142") if why == "a toll-free number" else ONE
    assert not same_company(one, DIFFERENT[why])
    assert not same_company(DIFFERENT[why], one)
    assert len(clusters([one, DIFFERENT[why]])) == 2


def test_companies_are_joined_through_a_third_listing() -> None:
    bridge = Record("bridge", "Lone Mesquite Roofing", phone="+15125550119", city="Austin", state="TX", zip="78757")
    end = Record("end", "LM Exteriors", phone="+15125550119")
    assert clusters([ONE, end, OTHER, replace(bridge, street=ONE.street)]) == [[0, 1, 3], [2]]


def test_thousands_of_records_are_clustered_in_seconds() -> None:
    records = [
        Record(
            str(number), f"{chr(97 + number % 26)}{number}brand Roofing", f"+1512{number:07d}", None,
            f"{number} Main St", "Austin", "TX", f"{78600 + number % 150}", Point(30 + number % 97 / 100, -97.5),
        )
        for number in range(3_000)
    ]  # fmt: skip
    records += [replace(record, key=f"again {record.key}", name=record.name.upper()) for record in records[:1_000]]
    started = time.perf_counter()
    groups = clusters(records)
    assert len(groups) == 3_000
    assert time.perf_counter() - started < 20


def test_the_best_of_each_field_and_where_it_is_from() -> None:
    google = listing(rating=Decimal("4.5"), reviews=10)
    yelp = listing(
        replace(ONE, name="LONE MESQUITE", website=None),
        YELP,
        "y1",
        rating=Decimal(4),
        reviews=3,
        services=("gutters",),
    )
    for order in ([google, yelp], [yelp, google]):
        merged = merge(order)
        assert merged.values["company_name"] == "Lone Mesquite Roofing LLC"
        assert (merged.values["google_rating"], merged.values["yelp_rating"]) == (Decimal("4.5"), Decimal(4))
        assert merged.values["services_offered"] == ["gutters"]
        assert (merged.origin["phone"], merged.origin["yelp_review_count"]) == (GOOGLE, YELP)
        assert merged.ids == {GOOGLE: ("g1",), YELP: ("y1",)}


def test_a_place_comes_whole_from_the_listing_that_has_a_street() -> None:
    google = listing(replace(ONE, street=None, zip=None))
    yelp = listing(replace(ONE, street="7 Oak Ln", zip="78701", at=Point(30.2, -97.7)), YELP, "y1")
    merged = merge([google, yelp])
    assert [merged.values[name] for name in ("address", "zip", "lat")] == ["7 Oak Ln", "78701", 30.2]
    assert {merged.origin[name] for name in ("address", "city", "lng")} == {YELP}


def test_only_a_better_source_overrules_and_a_person_never() -> None:
    said = {"phone": GOOGLE, "company_name": GOOGLE, "years_in_business": "website"}
    values = {"phone": "+15125550111", "company_name": "New Name", "years_in_business": 5}
    row = {"phone": "+15125550110", "company_name": "Told", "years_in_business": None}
    changes, origin = fill(row, {"phone": YELP}, values, said)
    assert changes == {"phone": "+15125550111", "years_in_business": 5}
    assert origin == {"phone": GOOGLE, "years_in_business": "website"}
    assert fill(row, {"phone": GOOGLE}, {"phone": "+15125550112"}, {"phone": YELP})[0] == {}
    assert fill(row, {"phone": GOOGLE}, {"phone": None}, {"phone": GOOGLE})[0] == {}
    assert fill(row, {}, {"email": "a@b.example"}, {"email": "facebook"})[0] == {}


def test_an_address_that_is_hidden_now_is_not_forgotten() -> None:
    place = {"address": "1 Oak Ln", "city": "Austin", "state": "TX", "zip": "78701", "lat": 30.0, "lng": -97.0}
    hidden = dict.fromkeys(place) | {"city": "Austin", "state": "TX"}
    said = dict.fromkeys(place, GOOGLE)
    assert fill(place, said, hidden, said)[0] == {}
    assert fill(place, said, {**place, "address": "2 Oak Ln"}, said)[0]["address"] == "2 Oak Ln"


def test_a_listing_goes_to_the_company_we_know() -> None:
    customer = Known(replace(OTHER, phone=ONE.phone), {}, customer=True)
    older = Known(ONE, {GOOGLE: ["g9"]})
    assert assign([listing()], [older]) == [(0, [listing()])]
    assert assign([listing()], [older, customer]) == [(1, [listing()])]
    by_id = listing(OTHER, external_id="g9")
    assert assign([by_id], [older]) == [(0, [by_id])]
    assert assign([by_id, listing()], [older, customer]) == [(0, [by_id]), (1, [listing()])]
    assert assign([by_id], []) == [(None, [by_id])]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (listing(categories=frozenset({"roofing_contractor"})), None),
        (listing(replace(ONE, name="Heron Exteriors"), categories=frozenset({"roofing"})), None),
        (listing(), None),
        (listing(closed=True), "closed"),
        (listing(replace(ONE, name="Heron Exteriors")), "not_a_roofer"),
        (listing(replace(ONE, name="Roofing Supply"), categories=frozenset({"store"})), "not_a_roofer"),
        (listing(replace(ONE, name="The Rooftop"), categories=frozenset({"bar"})), "not_a_roofer"),
        (listing(replace(ONE, at=Point(32.8, -96.8))), "too_far"),
        (listing(replace(ONE, at=None, state="OK")), "too_far"),
        (listing(replace(ONE, at=None, state=None)), None),
    ],
)
def test_who_is_a_citys_roofer(found: Listing, why: str | None) -> None:
    assert refusal(found, HERE, "TX") == why
