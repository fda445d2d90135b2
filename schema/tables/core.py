"""Verticals, cities, leads and permits (spec 4.1)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from domain.roof import RoofMaterial
from schema.contracts.base import LeadStatus
from schema.tables.base import (
    JSON,
    ChangingRow,
    Row,
    count,
    flag,
    json,
    latitude,
    longitude,
    now,
    number,
    one_of,
    point,
    prose,
    ref,
    state_code,
    texts,
    within,
    word,
)

GRADES = ("A", "B", "C", "D", "F")
PERMIT_PLATFORMS = ("socrata", "arcgis", "ckan", "accela", "energov", "html", "unknown")


class Vertical(Row, table=True):
    """A service category; the first is roofing."""

    __tablename__ = "verticals"

    name: str = Field(max_length=100, unique=True)
    slug: str = Field(max_length=100, unique=True)
    description: str | None = prose()


class TargetCity(ChangingRow, table=True):
    """A city we watch, with the facts that guide its priority and where its permits and parcels are."""

    __tablename__ = "target_cities"
    __table_args__ = (
        UniqueConstraint("city", "state"),
        state_code(),
        within("tier", 1, 3),
        within("priority", 1, 100),
        within("storm_risk_score", 0, 100),
        one_of("permit_search_strategy", PERMIT_PLATFORMS),
        Index("idx_target_cities_active", "active"),
        Index("idx_target_cities_tier", "tier"),
        Index("idx_target_cities_priority", text("priority DESC")),
    )

    city: str = Field(max_length=100)
    state: str = Field(max_length=2)
    tier: int | None = None
    priority: int | None = None
    population: int | None = None
    median_home_value: Decimal | None = number(12, 2)
    avg_property_value: Decimal | None = number(12, 2)
    storm_risk_score: int | None = None
    contractor_density: Decimal | None = number(10, 4)
    county: str | None = word(100)
    timezone: str | None = word(50)
    lat: Decimal | None = latitude()
    lng: Decimal | None = longitude()
    permit_url: str | None = prose()
    permit_search_strategy: str | None = word(50)
    permit_config: JSON | None = json()
    assessor_url: str | None = prose()
    assessor_search_url_template: str | None = prose()
    assessor_config: JSON | None = json()
    active: bool = flag(True)
    first_scraped_at: datetime | None = None
    last_scraped_at: datetime | None = None
    total_permits_found: int = count()
    total_properties_processed: int = count()


class BaseLead(ChangingRow, table=True):
    """A property on its way to market, or on it. Owner e-mail, phone and mailing address are ciphertext."""

    __tablename__ = "base_leads"
    __table_args__ = (
        UniqueConstraint("address", "city", "state"),
        state_code(),
        one_of("status", LeadStatus),
        one_of("grade", GRADES),
        within("quality_score", 0, 100),
        within("owner_email_confidence", 0, 100),
        Index("idx_base_leads_location", "city", "state"),
        Index("idx_base_leads_status", "status"),
        Index("idx_base_leads_quality", text("quality_score DESC")),
        Index("idx_base_leads_geom", "geom", postgresql_using="gist"),
        Index("idx_base_leads_owner_email", "owner_email_bidx"),
        Index("idx_base_leads_owner_phone", "owner_phone_bidx"),
        Index("idx_base_leads_vertical", "vertical_id"),
        Index("idx_base_leads_cluster", "cluster_id"),
        # The marketplace page: best first, keyset on (quality_score, id).
        Index(
            "idx_base_leads_market",
            "state",
            text("lower(city)"),
            text("quality_score DESC"),
            text("id DESC"),
            postgresql_where=text("status = 'available'"),
        ),
    )

    vertical_id: UUID | None = ref("verticals.id")
    address: str = prose(required=True)
    city: str = Field(max_length=100)
    state: str = Field(max_length=2)
    zip: str | None = word(10)
    lat: Decimal | None = latitude()
    lng: Decimal | None = longitude()
    geom: Any = point()
    geocode_source: str | None = word(50)

    parcel_id: str | None = word(100)
    property_value: Decimal | None = number(12, 2)
    tax_amount: Decimal | None = number(12, 2)
    last_sale_date: date | None = None
    last_sale_price: Decimal | None = number(12, 2)
    year_built: int | None = None
    sqft: int | None = None
    lot_size: Decimal | None = number(10, 2)
    beds: int | None = None
    baths: Decimal | None = number(3, 1)
    property_type: str | None = word(50)

    owner_name: str | None = word(255)
    owner_occupied: bool | None = None
    owner_mailing_address: str | None = prose()
    owner_email: str | None = prose()
    owner_email_bidx: str | None = word(64)
    owner_email_confidence: Decimal | None = number(5, 2)
    owner_email_source: str | None = word(100)
    owner_email_verified: bool = flag()
    owner_phone: str | None = prose()
    owner_phone_bidx: str | None = word(64)
    owner_phone_verified: bool = flag()
    email_acquisition_cost: Decimal | None = number(10, 4)

    quality_score: int | None = None
    grade: str | None = word(1)
    price: Decimal | None = number(10, 2)
    status: str = word(50, LeadStatus.PROCESSING.value)
    status_reason: str | None = word(100)
    workflow_id: str | None = word(255)
    cluster_id: UUID | None = ref("lead_clusters.id", "SET NULL")
    vendor_cost: Decimal | None = number(10, 4)

    published_at: datetime | None = None
    available_until: datetime | None = None
    reserved_at: datetime | None = None
    sold_at: datetime | None = None


class RoofingLead(ChangingRow, table=True):
    """The roof of a lead: what we know of it and why it may need work."""

    __tablename__ = "roofing_leads"
    __table_args__ = (
        UniqueConstraint("base_lead_id"),
        one_of("roof_type", RoofMaterial),
        Index("idx_roofing_leads_vertical", "vertical_id"),
    )

    base_lead_id: UUID = ref("base_leads.id", "CASCADE", required=True)
    vertical_id: UUID | None = ref("verticals.id")
    estimated_roof_age: int | None = None
    roof_type: str | None = word(50)
    roof_sqft: int | None = None
    roof_pitch: str | None = word(50)
    last_roof_permit: date | None = None
    neighbor_permits_30d: int = count()
    neighbor_permits_60d: int = count()
    neighbor_permits_90d: int = count()
    hail_event_30d: bool = flag()
    hail_event_90d: bool = flag()
    wind_event_30d: bool = flag()
    trigger_event: str | None = word(100)
    trigger_details: JSON | None = json()
    satellite_image_url: str | None = prose()
    street_view_urls: list[str] | None = texts()
    ai_roof_analysis: JSON | None = json()
    ai_insights: JSON | None = json()
    damage_detected: list[str] | None = texts()
    damage_severity: JSON | None = json()
    repair_cost_estimate: JSON | None = json()
    replacement_cost_estimate: JSON | None = json()
    data_sources: list[str] | None = texts()


class RoofingPermit(ChangingRow, table=True):
    """A permit as a portal published it; numbers are unique within a city only."""

    __tablename__ = "roofing_permits"
    __table_args__ = (
        UniqueConstraint("city", "state", "permit_number"),
        state_code(),
        Index("idx_permits_location", "city", "state"),
        Index("idx_permits_date", text("issue_date DESC")),
        Index("idx_permits_address", "address"),
        Index("idx_permits_geom", "geom", postgresql_using="gist"),
        Index("idx_permits_lead", "base_lead_id"),
        # Newest permits of one city, keyset on (issue_date, id).
        Index(
            "idx_permits_city_date",
            "state",
            text("lower(city)"),
            text("issue_date DESC"),
            text("id DESC"),
        ),
    )

    base_lead_id: UUID | None = ref("base_leads.id", "SET NULL")
    permit_number: str | None = word(100)
    address: str = prose(required=True)
    city: str | None = word(100)
    state: str | None = word(2)
    zip: str | None = word(10)
    lat: Decimal | None = latitude()
    lng: Decimal | None = longitude()
    geom: Any = point()
    permit_type: str | None = word(100)
    work_description: str | None = prose()
    estimated_value: Decimal | None = number(10, 2)
    contractor_name: str | None = word(255)
    contractor_license: str | None = word(100)
    issue_date: date | None = None
    completion_date: date | None = None
    permit_status: str | None = word(50)
    source: str | None = word(100)
    source_url: str | None = prose()
    scraped_at: datetime = now()
