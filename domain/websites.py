"""What a contractor's own website says of it (spec 3.6.2): rules over visible text and links.

Every value is read from the page and nothing is guessed; `evidence` keeps the words it was read from.
Patterns have bounded repeats, because a page's author is anybody.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from rapidfuzz import fuzz

from domain.companies import MAIL_PROVIDERS, distinctive, normal_name

MAX_EMAILS = 5
LIKE_THE_NAME = 85.0
"""From here on (0-100) a mail domain is made from the company's name."""
OLDEST_FOUNDING = 1850
MOST_YEARS = 120
MOST_EMPLOYEES = 5_000
EVIDENCE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Link:
    """A link: its absolute address and its words."""

    href: str
    text: str


@dataclass(frozen=True, slots=True)
class PageFacts:
    """A page as a reader sees it: address, title, visible text with single spaces, links."""

    url: str
    title: str
    text: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteFindings:
    """What a site says. E-mails come best first; `years` in business; `social` is profile address by network."""

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    roof_types: tuple[str, ...] = ()
    certifications: tuple[str, ...] = ()
    insurance: tuple[str, ...] = ()
    years: int | None = None
    employees: int | None = None
    license_number: str | None = None
    social: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


SERVICES: Mapping[str, re.Pattern[str]] = {
    "roof replacement": _words("roof replacements?", "re-?roof(?:ing|s)?", "new roofs?"),
    "roof repair": _words("roof repairs?", "leak repairs?", "roof leaks?"),
    "roof inspection": _words("roof inspections?"),
    "roof installation": _words("roof installations?"),
    "insurance restoration": _words(
        "insurance claims?", "insurance restoration", "insurance work", "storm restoration", "hail damage",
        "storm damage",
    ),
    "emergency tarping": _words("emergency tarp(?:ing|s)?", "emergency roof(?:ing)? service"),
    "gutters": _words("gutters?"),
    "siding": _words("siding"),
    "skylights": _words("skylights?"),
    "solar": _words("solar (?:panels?|installation|roofs?|shingles?)"),
}  # fmt: skip
ROOF_TYPES: Mapping[str, re.Pattern[str]] = {
    "residential": _words("residential", "homeowners?"),
    "commercial": _words("commercial", "tpo", "epdm"),
    "industrial": _words("industrial"),
}
CERTIFICATIONS: Mapping[str, re.Pattern[str]] = {
    "GAF Master Elite": _words(r"gaf[®™]?\s+master\s?elite"),
    "GAF Certified": _words(r"gaf[®™]?[\s-]certified"),
    "Owens Corning Platinum Preferred": _words(r"owens\s+corning[®™]?\s+platinum(?:\s+preferred)?"),
    "Owens Corning Preferred": _words(r"owens\s+corning[®™]?\s+(?:roofing\s+)?preferred"),
    "CertainTeed SELECT ShingleMaster": _words(r"certainteed[®™]?\s+select\s+shingle\s?master"),
    "CertainTeed ShingleMaster": _words(r"certainteed[®™]?\s+(?:credentialed\s+)?shingle\s?master"),
    "TAMKO Pro Certified": _words(r"tamko[®™]?\s+pro(?:\s+certified)?"),
    "Malarkey Certified": _words(r"malarkey[®™]?\s+certified"),
    "HAAG Certified Inspector": _words(r"haag[®™]?\s+certified"),
}
"""What manufacturers call the contractors they stand by (spec 3.6.2 and 3.6.3)."""
INSURANCE: Mapping[str, re.Pattern[str]] = {
    "general liability": _words("general liability", "liability insurance", "fully insured", "licensed and insured"),
    "workers compensation": _words(r"workers['’]?\s?comp(?:ensation)?"),
    "bonded": _words("bonded"),
}
NETWORKS: Mapping[str, str] = {
    "facebook.com": "facebook",
    "instagram.com": "instagram",
    "x.com": "twitter",
    "twitter.com": "twitter",
    "linkedin.com": "linkedin",
    "youtube.com": "youtube",
    "tiktok.com": "tiktok",
    "nextdoor.com": "nextdoor",
}
_NO_PROFILE = frozenset(
    {"share", "sharer", "sharer.php", "sharearticle", "intent", "hashtag", "login", "plugins", "watch"}
)

_FOUNDED = re.compile(r"\b(?:since|established|est\.?|founded) (?:in )?((?:18|19|20)\d{2})\b", re.IGNORECASE)
_YEARS = re.compile(
    r"\b(combined )?(\d{1,3})\+? years? (?:in business|of (?:roofing )?experience)\b",
    re.IGNORECASE,
)
_EMPLOYEES = re.compile(
    r"\b(?:team|staff|crew) of (?:over |more than |about )?(\d{1,4})\b"
    r"|\b(\d{1,4})\+? (?:full[- ]time )?(?:employees|team members|crew members|people on staff)\b",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"\blic(?:en[cs]e)?\.?\s{0,2}(?:no\.?|number|#|:)\s{0,2}[:#]?\s{0,2}([A-Z]{0,6}[- ]?\d[\dA-Z-]{3,14})\b",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\d.])(?:\+?1[\s.-]?)?\(?([2-9]\d{2})\)?[\s.-]{0,2}([2-9]\d{2})[\s.-]?(\d{4})(?!\d)")
_EMAIL = re.compile(
    r"(?<![\w.+-])[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}(?![\w@-])", re.IGNORECASE
)
_AT = r"\s{0,2}[\[({]\s{0,2}at\s{0,2}[\])}]\s{0,2}"
_DOT = r"(?:\.|\s{0,2}[\[({]\s{0,2}dot\s{0,2}[\])}]\s{0,2})"
_HIDDEN_EMAIL = re.compile(
    rf"(?<![\w.+-])([a-z0-9][a-z0-9._%+-]{{0,63}}){_AT}((?:[a-z0-9-]{{1,63}}{_DOT}){{1,4}}[a-z]{{2,24}})(?![\w-])",
    re.IGNORECASE,
)
_FILE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|css|js|ico|pdf)$", re.IGNORECASE)
_PLACEHOLDERS = frozenset({"domain.com", "example.com", "email.com", "yourdomain.com", "sentry.io", "wixpress.com"})
_NO_READER = frozenset(
    {
        "noreply", "no-reply", "donotreply", "webmaster", "postmaster", "abuse", "privacy", "careers", "jobs", "hr",
        "recruiting", "billing", "accounting", "accounts", "invoices",
    }
)  # fmt: skip
"""Mailboxes where nobody decides about buying leads."""

SIZES = ((100, "100+"), (51, "50-100"), (10, "10-50"), (5, "5-10"), (2, "1-5"), (1, "1"))


def read_site(pages: Sequence[PageFacts], company: str, year: int) -> SiteFindings:
    """Everything the pages say of `company`; `year` is the present one."""
    text = "\n".join(page.text for page in pages)
    evidence: dict[str, str] = {}
    return SiteFindings(
        emails=emails(pages, company),
        phones=phones(pages),
        services=_named(SERVICES, text),
        roof_types=_named(ROOF_TYPES, text),
        certifications=_without_lesser(_named(CERTIFICATIONS, text)),
        insurance=_named(INSURANCE, text),
        years=_years(text, year, evidence),
        employees=_employees(text, evidence),
        license_number=_licence(text, evidence),
        social=social_profiles(link.href for page in pages for link in page.links),
        evidence=evidence,
    )


def emails(pages: Sequence[PageFacts], company: str) -> tuple[str, ...]:
    """Addresses at which the company itself can be reached, best first: its own domain before a mail provider's.

    An address of somebody else (the agency that built the site, a supplier) is left out.
    """
    found: dict[str, int] = {}
    for order, email in enumerate(_addresses(pages)):
        found.setdefault(email, order)
    hosts = {_host(page.url) for page in pages}
    ranked = [
        (rank, order, email) for email, order in found.items() if (rank := _rank(email, hosts, company)) is not None
    ]
    return tuple(email for _, _, email in sorted(ranked))[:MAX_EMAILS]


def phones(pages: Sequence[PageFacts]) -> tuple[str, ...]:
    """US numbers as +1 and ten digits, those behind `tel:` links first."""
    linked = [unquote(link.href[4:]) for page in pages for link in page.links if link.href.lower().startswith("tel:")]
    texts = [*linked, *(page.text for page in pages)]
    return tuple(dict.fromkeys(f"+1{''.join(match.groups())}" for text in texts for match in _PHONE.finditer(text)))


def social_profiles(hrefs: Iterable[str]) -> dict[str, str]:
    """The first profile linked of each network; buttons for sharing are none."""
    found: dict[str, str] = {}
    for href in hrefs:
        network = NETWORKS.get(_host(href))
        first = urlsplit(href).path.strip("/").split("/")[0].lower() if network else ""
        if network and first and first not in _NO_PROFILE:
            found.setdefault(network, href.split("#")[0].split("?")[0])
    return found


def size_range(employees: int) -> str:
    """The word of `contractors.employee_count_range` for a number of people (spec 4.5.1)."""
    return next(word for least, word in SIZES if employees >= least)


def _addresses(pages: Sequence[PageFacts]) -> Iterator[str]:
    for page in pages:
        for link in page.links:
            if link.href.lower().startswith("mailto:"):
                yield from _EMAIL.findall(unquote(link.href[7:]).split("?")[0].lower())
    for page in pages:
        yield from (match.lower() for match in _EMAIL.findall(page.text))
        for name, domain in _HIDDEN_EMAIL.findall(page.text):
            yield f"{name}@{re.sub(_DOT, '.', domain, flags=re.IGNORECASE)}".lower()


def _rank(email: str, hosts: set[str], company: str) -> int | None:
    name, _, domain = email.partition("@")
    if _FILE.search(email) or domain in _PLACEHOLDERS or name in _NO_READER:
        return None
    if any(domain == host or host.endswith(f".{domain}") for host in hosts):
        return 0
    if domain in MAIL_PROVIDERS:
        return 2
    return 1 if _made_from(company, domain.split(".")[0]) else None


def _made_from(company: str, label: str) -> bool:
    name = (distinctive(company) or normal_name(company)).replace(" ", "")
    return len(name) > 1 and fuzz.partial_ratio(name, label.replace("-", "")) >= LIKE_THE_NAME


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _named(table: Mapping[str, re.Pattern[str]], text: str) -> tuple[str, ...]:
    return tuple(name for name, pattern in table.items() if pattern.search(text))


def _without_lesser(names: tuple[str, ...]) -> tuple[str, ...]:
    """Without a certification whose words are part of a higher one that is held."""
    return tuple(
        name for name in names if not any(other != name and set(name.split()) < set(other.split()) for other in names)
    )


def _years(text: str, year: int, evidence: dict[str, str]) -> int | None:
    for match in _FOUNDED.finditer(text):
        if OLDEST_FOUNDING <= int(match[1]) <= year:
            evidence["years_in_business"] = match[0][:EVIDENCE_LENGTH]
            return year - int(match[1])
    for match in _YEARS.finditer(text):
        # The years of all hands added up are nobody's.
        if not match[1] and 0 < int(match[2]) <= MOST_YEARS:
            evidence["years_in_business"] = match[0][:EVIDENCE_LENGTH]
            return int(match[2])
    return None


def _employees(text: str, evidence: dict[str, str]) -> int | None:
    for match in _EMPLOYEES.finditer(text):
        number = int(match[1] or match[2])
        if 0 < number <= MOST_EMPLOYEES:
            evidence["employee_count_range"] = match[0][:EVIDENCE_LENGTH]
            return number
    return None


def _licence(text: str, evidence: dict[str, str]) -> str | None:
    match = _LICENCE.search(text)
    if match is None:
        return None
    evidence["license_number"] = match[0][:EVIDENCE_LENGTH]
    return match[1].strip().upper()
