"""What the HTTP API accepts and answers about finding and judging contractors (spec 5.2 and 5.6).

Answers tell whether there is an address or a number and what is known of it, never the address or number itself:
the API has no log-in yet.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from domain.contact_points import email_address, us_phone
from schema.contracts.api import ApiRequest, CityName, StateCode
from schema.contracts.base import Contract

AcquisitionStatus = Literal[
    "discovered", "contacted", "interested", "demo_scheduled", "negotiating", "onboarded", "active", "churned",
    "nurture", "disqualified",
]  # fmt: skip
EmployeeRange = Literal["1", "1-5", "5-10", "10-50", "50-100", "100+"]


def _address(text: str) -> str:
    address = email_address(text)
    if address is None:
        raise ValueError("not an e-mail address")
    return address


def _number(text: str) -> str:
    number = us_phone(text)
    if number is None:
        raise ValueError("not a US telephone number")
    return number


def _site(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("not a web address")
    return text


def _line(length: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=length)


Word = Annotated[str, _line(100)]
Words = Annotated[tuple[Word, ...], Field(max_length=50)]


class DiscoverCity(ApiRequest):
    """Which city's contractors to look for, and how many at most."""

    city: CityName
    state: StateCode
    max_results: Annotated[int, Field(ge=1, le=500)] = 200


class DiscoverySource(Contract):
    """A source of contractors. `configured` means that there is a key for it; costs are US dollars a call."""

    name: str
    title: str
    configured: bool
    cost_per_search: Decimal
    cost_per_lookup: Decimal


class DiscoverySources(Contract):
    """Every source that a discovery asks."""

    sources: tuple[DiscoverySource, ...]


class ContractorSummary(Contract):
    """A contractor in a list. `ltv_estimate` is US dollars of twelve months."""

    contractor_id: UUID
    company_name: str
    city: str | None = None
    state: str | None = None
    acquisition_status: str
    subscription_tier: str | None = None
    website: str | None = None
    has_email: bool
    has_phone: bool
    google_rating: Decimal | None = None
    google_review_count: int | None = None
    fit_score: int | None = None
    conversion_likelihood: int | None = None
    ltv_estimate: Decimal | None = None
    priority_score: Decimal | None = None
    source: str | None = None
    discovered_at: datetime
    enriched_at: datetime | None = None


class ContractorPage(Contract):
    """A page of contractors, highest priority first; pass `next` as `after` for the page behind it."""

    contractors: tuple[ContractorSummary, ...]
    next: str | None = None


class ContractorDetail(ContractorSummary):
    """A contractor with what is known of it, who said so, and the points of its scores."""

    address: str | None = None
    zip: str | None = None
    timezone: str | None = None
    service_areas: Any = None
    email_domain: str | None = None
    email_status: str | None = None
    phone_kind: str | None = None
    license_number: str | None = None
    license_state: str | None = None
    license_status: str | None = None
    years_in_business: int | None = None
    employee_count_range: str | None = None
    services_offered: tuple[str, ...] = ()
    roof_types: tuple[str, ...] = ()
    certifications: tuple[str, ...] = ()
    insurance_types: tuple[str, ...] = ()
    yelp_rating: Decimal | None = None
    yelp_review_count: int | None = None
    social_media: dict[str, Any] = Field(default_factory=dict)
    score_breakdown: dict[str, Any] | None = None
    scored_at: datetime | None = None
    said_by: dict[str, str] = Field(default_factory=dict)
    """Which source each field is from; what is not listed was told by a person."""
    notes: str | None = None


class ServiceArea(ApiRequest):
    """Where a contractor works: a city, a whole state, or a circle around its address."""

    city: CityName | None = None
    state: StateCode | None = None
    radius_miles: Annotated[float, Field(gt=0, le=500)] | None = None


class ContractorPatch(ApiRequest):
    """What a person may correct. A field that is given is never overwritten by a source again; null empties it."""

    company_name: Annotated[str, _line(255)] | None = None
    owner_name: Annotated[str, _line(255)] | None = None
    email: Annotated[str, _line(255), AfterValidator(_address)] | None = None
    phone: Annotated[str, _line(50), AfterValidator(_number)] | None = None
    website: Annotated[str, _line(500), AfterValidator(_site)] | None = None
    employee_count_range: EmployeeRange | None = None
    years_in_business: Annotated[int, Field(ge=0, le=200)] | None = None
    services_offered: Words | None = None
    roof_types: Words | None = None
    certifications: Words | None = None
    service_areas: Annotated[tuple[ServiceArea, ...], Field(max_length=50)] | None = None
    notes: Annotated[str, _line(5_000)] | None = None
