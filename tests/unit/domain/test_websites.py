"""What is read from a contractor's website, and what is not (spec 3.6.2)."""

import time

import pytest

from domain.websites import Link, PageFacts, SiteFindings, emails, phones, read_site, size_range, social_profiles

COMPANY = "Lone Mesquite Roofing LLC"
HOME = "https://www.lonemesquite.example/"


def page(text: str = "", *links: str, url: str = HOME) -> PageFacts:
    return PageFacts(url, "", text, tuple(Link(href, "") for href in links))


def read(text: str) -> SiteFindings:
    return read_site([page(text)], COMPANY, 2026)


@pytest.mark.parametrize(
    ("text", "link", "found"),
    [
        ("Write to info@lonemesquite.example.", "", ("info@lonemesquite.example",)),
        ("", "mailto:Office@LoneMesquite.example?subject=Hi", ("office@lonemesquite.example",)),
        ("", "mailto:office%40lonemesquite.example", ("office@lonemesquite.example",)),
        ("sales [at] lonemesquite [dot] example", "", ("sales@lonemesquite.example",)),
        ("sales (at) lonemesquite.example", "", ("sales@lonemesquite.example",)),
        ("lonemesquite@gmail.com", "", ("lonemesquite@gmail.com",)),
        ("hello@pixelmill.example", "mailto:hello@pixelmill.example", ()),
        ("noreply@lonemesquite.example careers@lonemesquite.example", "", ()),
        ("logo@2x.png you@example.com a@@b.example @ info@", "", ()),
        ("meet us at lonemesquite.example", "", ()),
        ("office@mesquite-roofing.example", "", ()),
        ("office@lone-mesquite-roofing.example", "", ("office@lone-mesquite-roofing.example",)),
    ],
)
def test_addresses_of_the_company_itself(text: str, link: str, found: tuple[str, ...]) -> None:
    assert emails([page(text, *([link] if link else []))], COMPANY) == found


def test_the_companys_own_domain_comes_first() -> None:
    pages = [page("lm@gmail.com b@lonemesquite.example"), page("", "mailto:a@lonemesquite.example")]
    first, second, last = emails(pages, COMPANY)
    assert {first, second} == {"a@lonemesquite.example", "b@lonemesquite.example"}
    assert last == "lm@gmail.com"


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("Family owned, established in 1998.", 28),
        ("Serving Austin since 2011", 15),
        ("Est. 2020", 6),
        ("25 years in business", 25),
        ("over 12+ years of roofing experience", 12),
        ("a combined 90 years of experience", None),
        ("25-year warranty, copyright 2019", None),
        ("since 2031", None),
        ("since 1492", None),
        ("since 2001 and founded in 1990", 25),
    ],
)
def test_years_in_business(text: str, years: int | None) -> None:
    found = read(text)
    assert found.years == years
    assert ("years_in_business" in found.evidence) == (years is not None)
    assert found.evidence.get("years_in_business", "") in text


@pytest.mark.parametrize(
    ("text", "employees"),
    [
        ("We are a team of 25.", 25),
        ("a crew of over 8 people", 8),
        ("40 employees", 40),
        ("12+ full-time team members", 12),
        ("a team of professionals", None),
        ("500000 employees", None),
        ("0 employees", None),
    ],
)
def test_team_size(text: str, employees: int | None) -> None:
    assert read(text).employees == employees


@pytest.mark.parametrize(
    ("employees", "word"),
    [(1, "1"), (2, "1-5"), (4, "1-5"), (5, "5-10"), (9, "5-10"), (10, "10-50"), (50, "10-50"), (51, "50-100"),
     (99, "50-100"), (100, "100+"), (4_000, "100+")],
)  # fmt: skip
def test_sizes_have_the_words_of_the_spec(employees: int, word: str) -> None:
    assert size_range(employees) == word


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("License #RCAT-10432", "RCAT-10432"),
        ("Lic. No. 03-0441", "03-0441"),
        ("License number: CCC1330123", "CCC1330123"),
        ("Lic: 998877", "998877"),
        ("licensed and insured since 1998", None),
        ("License our photos", None),
    ],
)
def test_licence_numbers(text: str, number: str | None) -> None:
    assert read(text).license_number == number


def test_services_kinds_certifications_and_insurance() -> None:
    found = read(
        "Residential and commercial roof replacement, leak repair and gutters. We help with insurance claims. "
        "GAF® Master Elite®, Owens Corning Platinum Preferred contractor, CertainTeed SELECT ShingleMaster. "
        "General liability and workers’ compensation."
    )
    assert found.services == ("roof replacement", "roof repair", "insurance restoration", "gutters")
    assert found.roof_types == ("residential", "commercial")
    assert found.certifications == (
        "GAF Master Elite", "Owens Corning Platinum Preferred", "CertainTeed SELECT ShingleMaster",
    )  # fmt: skip
    assert found.insurance == ("general liability", "workers compensation")
    assert read("We roof.").certifications == ()


def test_profiles_are_not_share_buttons() -> None:
    links = (
        "https://www.facebook.com/sharer/sharer.php?u=x", "https://www.facebook.com/one?ref=site", "https://x.com/intent/post",
        "https://twitter.com/one", "https://www.linkedin.com/company/one/", "https://facebook.com/", "https://facebook.com/two",
        "https://notfacebook.com/one", "http://[broken",
    )  # fmt: skip
    assert social_profiles(links) == {
        "facebook": "https://www.facebook.com/one",
        "twitter": "https://twitter.com/one",
        "linkedin": "https://www.linkedin.com/company/one/",
    }


def test_numbers_behind_links_come_first() -> None:
    pages = [page("Call 512.555.0111 or (512) 555-0112, fax 1-512-555-0113, id 5125550114999", "tel:+1%20512-555-0110")]
    assert phones(pages) == ("+15125550110", "+15125550111", "+15125550112", "+15125550113")


@pytest.mark.parametrize("text", ["a" * 100_000, "a@" * 50_000, "1 " * 50_000, "a.[at] " * 15_000, "lic # " * 15_000])
def test_a_hostile_page_is_read_in_time(text: str) -> None:
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 3


def test_nothing_is_guessed() -> None:
    assert read("") == SiteFindings()
