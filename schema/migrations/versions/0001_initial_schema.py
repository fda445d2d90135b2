"""The schema as it starts out: spec section 4 and the tables it needs besides.

Downgrading leaves the PostGIS extension: it may have been there before us and serve others.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geography
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

POINT = "(st_setsrid(st_makepoint((lng)::double precision, (lat)::double precision), 4326))::geography"


def upgrade() -> None:
    """Apply this revision."""
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.create_table(
        "api_usage_logs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("api_provider", sa.String(length=100), nullable=True),
        sa.Column("api_endpoint", sa.String(length=255), nullable=True),
        sa.Column("request_method", sa.String(length=10), nullable=True),
        sa.Column("request_params", postgresql.JSONB(), nullable=True),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("response_time_ms", sa.Integer(), nullable=True),
        sa.Column("response_body", postgresql.JSONB(), nullable=True),
        sa.Column("cost", sa.Numeric(precision=10, scale=6), nullable=True),
        sa.Column("service", sa.String(length=50), nullable=True),
        sa.Column("entity_type", sa.String(length=50), nullable=True),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("success", sa.Boolean(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_usage_logs")),
    )
    op.create_index("idx_api_usage_logs_entity", "api_usage_logs", ["entity_id"], unique=False)
    op.create_index(
        "idx_api_usage_logs_provider",
        "api_usage_logs",
        ["api_provider", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("subject_type", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("address_bidx", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'call', 'sms')", name=op.f("ck_consents_channel")),
        sa.CheckConstraint("kind IN ('express_written', 'express', 'implied')", name=op.f("ck_consents_kind")),
        sa.CheckConstraint("subject_type IN ('contractor', 'owner', 'user')", name=op.f("ck_consents_subject_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("idx_consents_subject", "consents", ["subject_type", "subject_id"], unique=False)
    op.create_index(
        "uq_consents_live",
        "consents",
        ["address_bidx", "channel"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "contractors",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("company_name", sa.String(length=255), nullable=False),
        sa.Column("owner_name", sa.String(length=255), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("phone", sa.String(length=50), nullable=True),
        sa.Column("website", sa.String(length=500), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=2), nullable=True),
        sa.Column("zip", sa.String(length=10), nullable=True),
        sa.Column("lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column(
            "geom",
            Geography("POINT", srid=4326, spatial_index=False),
            sa.Computed(POINT, persisted=True),
            nullable=True,
        ),
        sa.Column("timezone", sa.String(length=50), nullable=True),
        sa.Column("service_areas", postgresql.JSONB(), nullable=True),
        sa.Column("license_number", sa.String(length=100), nullable=True),
        sa.Column("license_state", sa.String(length=2), nullable=True),
        sa.Column("license_status", sa.String(length=50), nullable=True),
        sa.Column("license_expiration", sa.Date(), nullable=True),
        sa.Column("years_in_business", sa.Integer(), nullable=True),
        sa.Column("employee_count_range", sa.String(length=50), nullable=True),
        sa.Column("annual_revenue_range", sa.String(length=50), nullable=True),
        sa.Column("services_offered", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("roof_types", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("certifications", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("insurance_types", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("google_rating", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("google_review_count", sa.Integer(), nullable=True),
        sa.Column("google_place_id", sa.String(length=255), nullable=True),
        sa.Column("yelp_rating", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("yelp_review_count", sa.Integer(), nullable=True),
        sa.Column("yelp_business_id", sa.String(length=255), nullable=True),
        sa.Column("bbb_rating", sa.String(length=5), nullable=True),
        sa.Column("bbb_accredited", sa.Boolean(), nullable=True),
        sa.Column("social_media", postgresql.JSONB(), nullable=True),
        sa.Column("fit_score", sa.Integer(), nullable=True),
        sa.Column("conversion_likelihood", sa.Integer(), nullable=True),
        sa.Column("ltv_estimate", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("priority_score", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("acquisition_status", sa.String(length=50), server_default=sa.text("'discovered'"), nullable=False),
        sa.Column("current_stage", sa.String(length=50), nullable=True),
        sa.Column("first_contact_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_contact_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("total_touchpoints", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("response_rate", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("signed_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subscription_tier", sa.String(length=50), nullable=True),
        sa.Column("monthly_fee", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("leads_per_month", sa.Integer(), nullable=True),
        sa.Column("contract_start_date", sa.Date(), nullable=True),
        sa.Column("contract_end_date", sa.Date(), nullable=True),
        sa.Column("auto_renew", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("total_leads_purchased", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_leads_contacted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_leads_converted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "total_revenue_generated", sa.Numeric(precision=12, scale=2), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("avg_lead_quality_rating", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("conversion_rate", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("avg_time_to_contact_hours", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.Column("discovered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("custom_fields", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "acquisition_status IN ('discovered', 'contacted', 'interested', 'demo_scheduled', "
            "'negotiating', 'onboarded', 'active', 'churned')",
            name=op.f("ck_contractors_acquisition_status"),
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_contractors_state")),
        sa.CheckConstraint(
            "subscription_tier IN ('starter', 'professional', 'enterprise')",
            name=op.f("ck_contractors_subscription_tier"),
        ),
        sa.CheckConstraint(
            "conversion_likelihood BETWEEN 0 AND 100", name=op.f("ck_contractors_conversion_likelihood")
        ),
        sa.CheckConstraint("fit_score BETWEEN 0 AND 100", name=op.f("ck_contractors_fit_score")),
        sa.CheckConstraint("response_rate BETWEEN 0 AND 100", name=op.f("ck_contractors_response_rate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contractors")),
    )
    op.create_index("idx_contractors_city_state", "contractors", ["city", "state"], unique=False)
    op.create_index("idx_contractors_email", "contractors", ["email"], unique=False)
    op.create_index("idx_contractors_geom", "contractors", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("idx_contractors_priority", "contractors", [sa.literal_column("priority_score DESC")], unique=False)
    op.create_index("idx_contractors_status", "contractors", ["acquisition_status"], unique=False)
    op.create_index("idx_contractors_tier", "contractors", ["subscription_tier"], unique=False)
    op.create_index("uq_contractors_google_place", "contractors", ["google_place_id"], unique=True)
    op.create_index("uq_contractors_yelp_business", "contractors", ["yelp_business_id"], unique=True)
    op.create_table(
        "effects",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'started'"), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('started', 'done', 'unknown', 'failed')", name=op.f("ck_effects_state")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_effects")),
    )
    op.create_index(
        "idx_effects_open",
        "effects",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('started', 'unknown')"),
    )
    op.create_index("idx_effects_subject", "effects", ["subject_id"], unique=False)
    op.create_table(
        "outreach_campaigns",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=True),
        sa.Column("target_city", sa.String(length=100), nullable=True),
        sa.Column("target_state", sa.String(length=2), nullable=True),
        sa.Column("target_criteria", postgresql.JSONB(), nullable=True),
        sa.Column("channels", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("sequence_steps", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(length=50), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contractors_targeted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("emails_sent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("emails_delivered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("emails_opened", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("emails_clicked", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("emails_replied", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_made", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_answered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_interested", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sms_sent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sms_delivered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sms_replied", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("meetings_booked", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("signups_generated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_cost", sa.Numeric(precision=10, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("total_revenue", sa.Numeric(precision=12, scale=2), server_default=sa.text("0"), nullable=False),
        sa.Column("roi", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("cost_per_acquisition", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.CheckConstraint(
            "status IN ('draft', 'active', 'paused', 'completed')", name=op.f("ck_outreach_campaigns_status")
        ),
        sa.CheckConstraint("target_state ~ '^[A-Z]{2}$'", name=op.f("ck_outreach_campaigns_target_state")),
        sa.CheckConstraint(
            "type IN ('cold_outreach', 'nurture', 'reactivation', 'upsell')", name=op.f("ck_outreach_campaigns_type")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outreach_campaigns")),
    )
    op.create_index("idx_outreach_campaigns_status", "outreach_campaigns", ["status"], unique=False)
    op.create_table(
        "scraping_jobs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("job_type", sa.String(length=50), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=2), nullable=True),
        sa.Column("config", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(length=50), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("total_items", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("processed_items", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("succeeded_items", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_items", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("results", postgresql.JSONB(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_stack", sa.Text(), nullable=True),
        sa.Column("retry_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_retries", sa.Integer(), server_default=sa.text("3"), nullable=False),
        sa.Column("next_retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("triggered_by", sa.String(length=100), nullable=True),
        sa.Column("parent_job_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "job_type IN ('permit', 'property', 'image', 'contractor', 'weather')",
            name=op.f("ck_scraping_jobs_job_type"),
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_scraping_jobs_state")),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')", name=op.f("ck_scraping_jobs_status")
        ),
        sa.CheckConstraint(
            "triggered_by IN ('scheduler', 'manual', 'api', 'event')", name=op.f("ck_scraping_jobs_triggered_by")
        ),
        sa.ForeignKeyConstraint(["parent_job_id"], ["scraping_jobs.id"], name=op.f("fk_scraping_jobs_parent_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scraping_jobs")),
    )
    op.create_index("idx_scraping_jobs_city", "scraping_jobs", ["city", "state"], unique=False)
    op.create_index("idx_scraping_jobs_created", "scraping_jobs", [sa.literal_column("created_at DESC")], unique=False)
    op.create_index("idx_scraping_jobs_parent", "scraping_jobs", ["parent_job_id"], unique=False)
    op.create_index("idx_scraping_jobs_status", "scraping_jobs", ["status"], unique=False)
    op.create_index("idx_scraping_jobs_type", "scraping_jobs", ["job_type"], unique=False)
    op.create_table(
        "suppression_entries",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("address_bidx", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'call', 'sms', 'all')", name=op.f("ck_suppression_entries_channel")),
        sa.CheckConstraint(
            "reason IN ('opt_out', 'hard_bounce', 'complaint', 'do_not_call', 'manual')",
            name=op.f("ck_suppression_entries_reason"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_entries")),
        sa.UniqueConstraint("address_bidx", "channel", name=op.f("uq_suppression_entries_address_bidx_channel")),
    )
    op.create_table(
        "system_events",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("event_type", sa.String(length=100), nullable=True),
        sa.Column("event_name", sa.String(length=255), nullable=True),
        sa.Column("service", sa.String(length=50), nullable=True),
        sa.Column("entity_type", sa.String(length=50), nullable=True),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("event_data", postgresql.JSONB(), nullable=True),
        sa.Column("severity", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "severity IN ('debug', 'info', 'warning', 'error', 'critical')", name=op.f("ck_system_events_severity")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system_events")),
    )
    op.create_index("idx_system_events_created", "system_events", [sa.literal_column("created_at DESC")], unique=False)
    op.create_index("idx_system_events_entity", "system_events", ["entity_type", "entity_id"], unique=False)
    op.create_index("idx_system_events_severity", "system_events", ["severity"], unique=False)
    op.create_index("idx_system_events_type", "system_events", ["event_type"], unique=False)
    op.create_table(
        "target_cities",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column("median_home_value", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("avg_property_value", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("storm_risk_score", sa.Integer(), nullable=True),
        sa.Column("contractor_density", sa.Numeric(precision=10, scale=4), nullable=True),
        sa.Column("county", sa.String(length=100), nullable=True),
        sa.Column("timezone", sa.String(length=50), nullable=True),
        sa.Column("lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column("permit_url", sa.Text(), nullable=True),
        sa.Column("permit_search_strategy", sa.String(length=50), nullable=True),
        sa.Column("permit_config", postgresql.JSONB(), nullable=True),
        sa.Column("assessor_url", sa.Text(), nullable=True),
        sa.Column("assessor_search_url_template", sa.Text(), nullable=True),
        sa.Column("assessor_config", postgresql.JSONB(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("first_scraped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_scraped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("total_permits_found", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_properties_processed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "permit_search_strategy IN ('socrata', 'arcgis', 'ckan', 'accela', 'energov', 'html', 'unknown')",
            name=op.f("ck_target_cities_permit_search_strategy"),
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_target_cities_state")),
        sa.CheckConstraint("priority BETWEEN 1 AND 100", name=op.f("ck_target_cities_priority")),
        sa.CheckConstraint("storm_risk_score BETWEEN 0 AND 100", name=op.f("ck_target_cities_storm_risk_score")),
        sa.CheckConstraint("tier BETWEEN 1 AND 3", name=op.f("ck_target_cities_tier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_cities")),
        sa.UniqueConstraint("city", "state", name=op.f("uq_target_cities_city_state")),
    )
    op.create_index("idx_target_cities_active", "target_cities", ["active"], unique=False)
    op.create_index("idx_target_cities_priority", "target_cities", [sa.literal_column("priority DESC")], unique=False)
    op.create_index("idx_target_cities_tier", "target_cities", ["tier"], unique=False)
    op.create_table(
        "verticals",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verticals")),
        sa.UniqueConstraint("name", name=op.f("uq_verticals_name")),
        sa.UniqueConstraint("slug", name=op.f("uq_verticals_slug")),
    )
    op.create_table(
        "weather_events",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("event_type", sa.String(length=50), nullable=True),
        sa.Column("event_date", sa.Date(), nullable=True),
        sa.Column("event_time", sa.Time(), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=2), nullable=True),
        sa.Column("county", sa.String(length=100), nullable=True),
        sa.Column("lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column(
            "geom",
            Geography("POINT", srid=4326, spatial_index=False),
            sa.Computed(POINT, persisted=True),
            nullable=True,
        ),
        sa.Column("radius_miles", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("severity", sa.String(length=50), nullable=True),
        sa.Column("hail_size_inches", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("wind_speed_mph", sa.Integer(), nullable=True),
        sa.Column("tornado_rating", sa.String(length=10), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("properties_affected_estimate", sa.Integer(), nullable=True),
        sa.Column("insurance_claims_filed", sa.Integer(), nullable=True),
        sa.Column("damage_estimate", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.CheckConstraint(
            "event_type IN ('hail', 'wind', 'tornado', 'hurricane')", name=op.f("ck_weather_events_event_type")
        ),
        sa.CheckConstraint(
            "severity IN ('minor', 'moderate', 'severe', 'extreme')", name=op.f("ck_weather_events_severity")
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_weather_events_state")),
        sa.CheckConstraint(
            "tornado_rating IN ('EF0', 'EF1', 'EF2', 'EF3', 'EF4', 'EF5')",
            name=op.f("ck_weather_events_tornado_rating"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weather_events")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_weather_events_source_external_id")),
    )
    op.create_index("idx_weather_events_date", "weather_events", [sa.literal_column("event_date DESC")], unique=False)
    op.create_index("idx_weather_events_geom", "weather_events", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("idx_weather_events_location", "weather_events", ["city", "state"], unique=False)
    op.create_index("idx_weather_events_type", "weather_events", ["event_type"], unique=False)
    op.create_table(
        "webhook_inbox",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("source", sa.String(length=50), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("event_type", sa.String(length=100), nullable=True),
        sa.Column("payload", postgresql.JSONB(), nullable=True),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'received'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'processed', 'ignored', 'failed')", name=op.f("ck_webhook_inbox_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_inbox")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_webhook_inbox_source_event_id")),
    )
    op.create_index(
        "idx_webhook_inbox_waiting",
        "webhook_inbox",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_table(
        "demo_meetings",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=True),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), server_default=sa.text("30"), nullable=False),
        sa.Column("meeting_url", sa.Text(), nullable=True),
        sa.Column("meeting_provider", sa.String(length=50), nullable=True),
        sa.Column("status", sa.String(length=50), server_default=sa.text("'scheduled'"), nullable=False),
        sa.Column("reminder_sent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reminder_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attended", sa.Boolean(), nullable=True),
        sa.Column("outcome", sa.String(length=50), nullable=True),
        sa.Column("follow_up_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("follow_up_notes", sa.Text(), nullable=True),
        sa.Column("demo_notes", sa.Text(), nullable=True),
        sa.Column("contractor_questions", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("objections", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("interest_level", sa.Integer(), nullable=True),
        sa.Column("recording_url", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('signed_up', 'needs_time', 'not_interested', 'follow_up')",
            name=op.f("ck_demo_meetings_outcome"),
        ),
        sa.CheckConstraint(
            "status IN ('scheduled', 'confirmed', 'completed', 'no_show', 'cancelled', 'rescheduled')",
            name=op.f("ck_demo_meetings_status"),
        ),
        sa.CheckConstraint("interest_level BETWEEN 0 AND 100", name=op.f("ck_demo_meetings_interest_level")),
        sa.ForeignKeyConstraint(["contractor_id"], ["contractors.id"], name=op.f("fk_demo_meetings_contractor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demo_meetings")),
    )
    op.create_index("idx_demo_meetings_contractor", "demo_meetings", ["contractor_id"], unique=False)
    op.create_index("idx_demo_meetings_scheduled", "demo_meetings", ["scheduled_at"], unique=False)
    op.create_table(
        "lead_clusters",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cluster_name", sa.String(length=255), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=2), nullable=True),
        sa.Column("center_lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("center_lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column("radius_miles", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("lead_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("avg_quality_score", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("total_value", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("leads_available", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leads_sold", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("exclusive_contractor_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exclusivity_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_lead_clusters_state")),
        sa.ForeignKeyConstraint(
            ["exclusive_contractor_id"], ["contractors.id"], name=op.f("fk_lead_clusters_exclusive_contractor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_clusters")),
    )
    op.create_index("idx_lead_clusters_contractor", "lead_clusters", ["exclusive_contractor_id"], unique=False)
    op.create_index("idx_lead_clusters_location", "lead_clusters", ["city", "state"], unique=False)
    op.create_table(
        "outreach_touchpoints",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=50), nullable=True),
        sa.Column("touchpoint_type", sa.String(length=50), nullable=True),
        sa.Column("sequence_step", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("template_used", sa.String(length=100), nullable=True),
        sa.Column("status", sa.String(length=50), nullable=True),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contractor_responded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("response_text", sa.Text(), nullable=True),
        sa.Column("response_sentiment", sa.String(length=20), nullable=True),
        sa.Column("ai_next_action", sa.Text(), nullable=True),
        sa.Column("ai_sentiment_analysis", postgresql.JSONB(), nullable=True),
        sa.Column("ai_insights", postgresql.JSONB(), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("cost", sa.Numeric(precision=10, scale=4), nullable=True),
        sa.Column("metadata", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('email', 'call', 'sms', 'linkedin')", name=op.f("ck_outreach_touchpoints_channel")
        ),
        sa.CheckConstraint(
            "response_sentiment IN ('positive', 'neutral', 'negative')",
            name=op.f("ck_outreach_touchpoints_response_sentiment"),
        ),
        sa.CheckConstraint(
            "status IN ('scheduled', 'sent', 'delivered', 'opened', 'clicked', 'replied', 'failed')",
            name=op.f("ck_outreach_touchpoints_status"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["outreach_campaigns.id"], name=op.f("fk_outreach_touchpoints_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_outreach_touchpoints_contractor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outreach_touchpoints")),
    )
    op.create_index("idx_touchpoints_campaign", "outreach_touchpoints", ["campaign_id"], unique=False)
    op.create_index("idx_touchpoints_contractor", "outreach_touchpoints", ["contractor_id"], unique=False)
    op.create_index("idx_touchpoints_external", "outreach_touchpoints", ["external_id"], unique=False)
    op.create_index(
        "idx_touchpoints_scheduled",
        "outreach_touchpoints",
        ["scheduled_for"],
        unique=False,
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("contractor_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role = 'contractor') = (contractor_id IS NOT NULL)", name=op.f("ck_users_contractor_role")
        ),
        sa.CheckConstraint("role IN ('operator', 'reviewer', 'contractor', 'service')", name=op.f("ck_users_role")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_users_contractor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index("idx_users_contractor", "users", ["contractor_id"], unique=False)
    op.create_index("idx_users_role", "users", ["role"], unique=False)
    op.create_table(
        "ai_call_logs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=True),
        sa.Column("call_provider", sa.String(length=50), nullable=True),
        sa.Column("external_call_id", sa.String(length=255), nullable=True),
        sa.Column("phone_number", sa.String(length=50), nullable=True),
        sa.Column("status", sa.String(length=50), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("full_transcript", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("key_points", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("sentiment", sa.String(length=50), nullable=True),
        sa.Column("interest_level", sa.Integer(), nullable=True),
        sa.Column("objections_raised", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("questions_asked", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("next_action", sa.String(length=255), nullable=True),
        sa.Column("probability_to_convert", sa.Integer(), nullable=True),
        sa.Column("wants_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("demo_scheduled_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wants_callback", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("callback_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_interested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("not_interested_reason", sa.Text(), nullable=True),
        sa.Column("recording_url", sa.Text(), nullable=True),
        sa.Column("call_metadata", postgresql.JSONB(), nullable=True),
        sa.Column("cost", sa.Numeric(precision=10, scale=4), nullable=True),
        sa.CheckConstraint("call_provider IN ('vapi', 'bland_ai')", name=op.f("ck_ai_call_logs_call_provider")),
        sa.CheckConstraint(
            "sentiment IN ('very_positive', 'positive', 'neutral', 'negative', 'very_negative')",
            name=op.f("ck_ai_call_logs_sentiment"),
        ),
        sa.CheckConstraint(
            "status IN ('initiated', 'ringing', 'answered', 'completed', 'failed', 'no_answer', 'voicemail', 'busy')",
            name=op.f("ck_ai_call_logs_status"),
        ),
        sa.CheckConstraint("interest_level BETWEEN 0 AND 100", name=op.f("ck_ai_call_logs_interest_level")),
        sa.CheckConstraint(
            "probability_to_convert BETWEEN 0 AND 100", name=op.f("ck_ai_call_logs_probability_to_convert")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["outreach_campaigns.id"], name=op.f("fk_ai_call_logs_campaign_id")),
        sa.ForeignKeyConstraint(["contractor_id"], ["contractors.id"], name=op.f("fk_ai_call_logs_contractor_id")),
        sa.ForeignKeyConstraint(
            ["touchpoint_id"], ["outreach_touchpoints.id"], name=op.f("fk_ai_call_logs_touchpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_call_logs")),
    )
    op.create_index("idx_call_logs_campaign", "ai_call_logs", ["campaign_id"], unique=False)
    op.create_index("idx_call_logs_contractor", "ai_call_logs", ["contractor_id"], unique=False)
    op.create_index("idx_call_logs_interest", "ai_call_logs", [sa.literal_column("interest_level DESC")], unique=False)
    op.create_index("idx_call_logs_status", "ai_call_logs", ["status"], unique=False)
    op.create_index("idx_call_logs_touchpoint", "ai_call_logs", ["touchpoint_id"], unique=False)
    op.create_index("uq_call_logs_external", "ai_call_logs", ["call_provider", "external_call_id"], unique=True)
    op.create_table(
        "base_leads",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("vertical_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=False),
        sa.Column("zip", sa.String(length=10), nullable=True),
        sa.Column("lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column(
            "geom",
            Geography("POINT", srid=4326, spatial_index=False),
            sa.Computed(POINT, persisted=True),
            nullable=True,
        ),
        sa.Column("geocode_source", sa.String(length=50), nullable=True),
        sa.Column("parcel_id", sa.String(length=100), nullable=True),
        sa.Column("property_value", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("tax_amount", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("last_sale_date", sa.Date(), nullable=True),
        sa.Column("last_sale_price", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("year_built", sa.Integer(), nullable=True),
        sa.Column("sqft", sa.Integer(), nullable=True),
        sa.Column("lot_size", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("beds", sa.Integer(), nullable=True),
        sa.Column("baths", sa.Numeric(precision=3, scale=1), nullable=True),
        sa.Column("property_type", sa.String(length=50), nullable=True),
        sa.Column("owner_name", sa.String(length=255), nullable=True),
        sa.Column("owner_occupied", sa.Boolean(), nullable=True),
        sa.Column("owner_mailing_address", sa.Text(), nullable=True),
        sa.Column("owner_email", sa.Text(), nullable=True),
        sa.Column("owner_email_bidx", sa.String(length=64), nullable=True),
        sa.Column("owner_email_confidence", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("owner_email_source", sa.String(length=100), nullable=True),
        sa.Column("owner_email_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("owner_phone", sa.Text(), nullable=True),
        sa.Column("owner_phone_bidx", sa.String(length=64), nullable=True),
        sa.Column("owner_phone_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("email_acquisition_cost", sa.Numeric(precision=10, scale=4), nullable=True),
        sa.Column("quality_score", sa.Integer(), nullable=True),
        sa.Column("grade", sa.String(length=1), nullable=True),
        sa.Column("price", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("status", sa.String(length=50), server_default=sa.text("'processing'"), nullable=False),
        sa.Column("status_reason", sa.String(length=100), nullable=True),
        sa.Column("workflow_id", sa.String(length=255), nullable=True),
        sa.Column("cluster_id", sa.Uuid(), nullable=True),
        sa.Column("vendor_cost", sa.Numeric(precision=10, scale=4), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("available_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("grade IN ('A', 'B', 'C', 'D', 'F')", name=op.f("ck_base_leads_grade")),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_base_leads_state")),
        sa.CheckConstraint(
            "status IN ('processing', 'needs_review', 'available', 'reserved', 'sold', 'expired', "
            "'unqualified', 'rejected')",
            name=op.f("ck_base_leads_status"),
        ),
        sa.CheckConstraint(
            "owner_email_confidence BETWEEN 0 AND 100", name=op.f("ck_base_leads_owner_email_confidence")
        ),
        sa.CheckConstraint("quality_score BETWEEN 0 AND 100", name=op.f("ck_base_leads_quality_score")),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["lead_clusters.id"], name=op.f("fk_base_leads_cluster_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["vertical_id"], ["verticals.id"], name=op.f("fk_base_leads_vertical_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_base_leads")),
        sa.UniqueConstraint("address", "city", "state", name=op.f("uq_base_leads_address_city_state")),
    )
    op.create_index("idx_base_leads_cluster", "base_leads", ["cluster_id"], unique=False)
    op.create_index("idx_base_leads_geom", "base_leads", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("idx_base_leads_location", "base_leads", ["city", "state"], unique=False)
    op.create_index(
        "idx_base_leads_market",
        "base_leads",
        [
            "state",
            sa.literal_column("lower(city)"),
            sa.literal_column("quality_score DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        postgresql_where=sa.text("status = 'available'"),
    )
    op.create_index("idx_base_leads_owner_email", "base_leads", ["owner_email_bidx"], unique=False)
    op.create_index("idx_base_leads_owner_phone", "base_leads", ["owner_phone_bidx"], unique=False)
    op.create_index("idx_base_leads_quality", "base_leads", [sa.literal_column("quality_score DESC")], unique=False)
    op.create_index("idx_base_leads_status", "base_leads", ["status"], unique=False)
    op.create_index("idx_base_leads_vertical", "base_leads", ["vertical_id"], unique=False)
    op.create_table(
        "scheduled_touchpoints",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=50), nullable=True),
        sa.Column("template", sa.String(length=100), nullable=True),
        sa.Column("sequence_step", sa.Integer(), nullable=True),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("50"), nullable=False),
        sa.Column("status", sa.String(length=50), server_default=sa.text("'scheduled'"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('email', 'call', 'sms', 'linkedin')", name=op.f("ck_scheduled_touchpoints_channel")
        ),
        sa.CheckConstraint(
            "status IN ('scheduled', 'processing', 'sent', 'failed', 'cancelled')",
            name=op.f("ck_scheduled_touchpoints_status"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["outreach_campaigns.id"], name=op.f("fk_scheduled_touchpoints_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_scheduled_touchpoints_contractor_id")
        ),
        sa.ForeignKeyConstraint(
            ["touchpoint_id"], ["outreach_touchpoints.id"], name=op.f("fk_scheduled_touchpoints_touchpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_touchpoints")),
    )
    op.create_index("idx_scheduled_touchpoints_campaign", "scheduled_touchpoints", ["campaign_id"], unique=False)
    op.create_index("idx_scheduled_touchpoints_contractor", "scheduled_touchpoints", ["contractor_id"], unique=False)
    op.create_index(
        "idx_scheduled_touchpoints_due",
        "scheduled_touchpoints",
        ["scheduled_for"],
        unique=False,
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.create_index("idx_scheduled_touchpoints_touchpoint", "scheduled_touchpoints", ["touchpoint_id"], unique=False)
    op.create_table(
        "enrichment_jobs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=True),
        sa.Column("enrichment_type", sa.String(length=50), nullable=True),
        sa.Column("status", sa.String(length=50), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data_found", sa.Boolean(), nullable=True),
        sa.Column("confidence_score", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("cost", sa.Numeric(precision=10, scale=4), nullable=True),
        sa.Column("api_calls_made", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sources_tried", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("successful_source", sa.String(length=100), nullable=True),
        sa.Column("enrichment_data", postgresql.JSONB(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "enrichment_type IN ('email', 'phone', 'property', 'validation', 'all')",
            name=op.f("ck_enrichment_jobs_enrichment_type"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_enrichment_jobs_status"),
        ),
        sa.CheckConstraint("confidence_score BETWEEN 0 AND 100", name=op.f("ck_enrichment_jobs_confidence_score")),
        sa.ForeignKeyConstraint(["base_lead_id"], ["base_leads.id"], name=op.f("fk_enrichment_jobs_base_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrichment_jobs")),
    )
    op.create_index("idx_enrichment_jobs_lead", "enrichment_jobs", ["base_lead_id"], unique=False)
    op.create_index("idx_enrichment_jobs_status", "enrichment_jobs", ["status"], unique=False)
    op.create_table(
        "lead_assignments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=False),
        sa.Column("contractor_id", sa.Uuid(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("price_paid", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_reason", sa.String(length=100), nullable=True),
        sa.Column("viewed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("viewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact_method", sa.String(length=50), nullable=True),
        sa.Column("appointment_scheduled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("appointment_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quote_provided", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("quote_amount", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("quote_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("converted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("converted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_value", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("contractor_rating", sa.Integer(), nullable=True),
        sa.Column("contractor_feedback", sa.Text(), nullable=True),
        sa.Column("lead_quality_rating", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "contact_method IN ('email', 'phone', 'in_person')", name=op.f("ck_lead_assignments_contact_method")
        ),
        sa.CheckConstraint("contractor_rating BETWEEN 1 AND 5", name=op.f("ck_lead_assignments_contractor_rating")),
        sa.CheckConstraint("lead_quality_rating BETWEEN 1 AND 5", name=op.f("ck_lead_assignments_lead_quality_rating")),
        sa.ForeignKeyConstraint(["base_lead_id"], ["base_leads.id"], name=op.f("fk_lead_assignments_base_lead_id")),
        sa.ForeignKeyConstraint(["contractor_id"], ["contractors.id"], name=op.f("fk_lead_assignments_contractor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_assignments")),
    )
    op.create_index("idx_lead_assignments_contractor", "lead_assignments", ["contractor_id"], unique=False)
    op.create_index("idx_lead_assignments_converted", "lead_assignments", ["converted"], unique=False)
    op.create_index("idx_lead_assignments_lead", "lead_assignments", ["base_lead_id"], unique=False)
    op.create_index(
        "uq_lead_assignments_live",
        "lead_assignments",
        ["base_lead_id"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "lead_triggers",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=False),
        sa.Column("trigger_type", sa.String(length=50), nullable=True),
        sa.Column("source_ref", sa.String(length=255), nullable=True),
        sa.Column("trigger_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trigger_strength", sa.Integer(), nullable=True),
        sa.Column("trigger_details", postgresql.JSONB(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "trigger_type IN ('neighbor_permits', 'weather_event', 'roof_age', 'damage_detected', "
            "'insurance_claim', 'property_sale')",
            name=op.f("ck_lead_triggers_trigger_type"),
        ),
        sa.CheckConstraint("trigger_strength BETWEEN 0 AND 100", name=op.f("ck_lead_triggers_trigger_strength")),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_lead_triggers_base_lead_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_triggers")),
        sa.UniqueConstraint(
            "base_lead_id",
            "trigger_type",
            "source_ref",
            name=op.f("uq_lead_triggers_base_lead_id_trigger_type_source_ref"),
        ),
    )
    op.create_index(
        "idx_lead_triggers_active", "lead_triggers", ["active"], unique=False, postgresql_where=sa.text("active = true")
    )
    op.create_index("idx_lead_triggers_lead", "lead_triggers", ["base_lead_id"], unique=False)
    op.create_index(
        "idx_lead_triggers_strength", "lead_triggers", [sa.literal_column("trigger_strength DESC")], unique=False
    )
    op.create_index("idx_lead_triggers_type", "lead_triggers", ["trigger_type"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=True),
        sa.Column("contractor_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=True),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'sms', 'push', 'in_app')", name=op.f("ck_notifications_channel")),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'failed', 'unknown', 'read')", name=op.f("ck_notifications_state")
        ),
        sa.CheckConstraint("num_nonnulls(contractor_id, user_id) = 1", name=op.f("ck_notifications_recipient")),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_notifications_base_lead_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractors.id"], name=op.f("fk_notifications_contractor_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notifications_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "base_lead_id",
            "contractor_id",
            "user_id",
            "channel",
            "kind",
            name="uq_notifications_once",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "idx_notifications_contractor",
        "notifications",
        ["contractor_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index(
        "idx_notifications_pending",
        "notifications",
        ["base_lead_id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "idx_notifications_user", "notifications", ["user_id", sa.literal_column("created_at DESC")], unique=False
    )
    op.create_table(
        "property_images",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=False),
        sa.Column("image_type", sa.String(length=50), nullable=True),
        sa.Column("view_angle", sa.String(length=50), nullable=True),
        sa.Column("original_url", sa.Text(), nullable=True),
        sa.Column("s3_url", sa.Text(), nullable=True),
        sa.Column("s3_key", sa.Text(), nullable=True),
        sa.Column("s3_bucket", sa.String(length=100), nullable=True),
        sa.Column("capture_date", sa.Date(), nullable=True),
        sa.Column("image_width", sa.Integer(), nullable=True),
        sa.Column("image_height", sa.Integer(), nullable=True),
        sa.Column("file_size_bytes", sa.Integer(), nullable=True),
        sa.Column("format", sa.String(length=10), nullable=True),
        sa.Column("quality_score", sa.Integer(), nullable=True),
        sa.Column("usable_for_analysis", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("processed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("processing_config", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("format IN ('jpg', 'png')", name=op.f("ck_property_images_format")),
        sa.CheckConstraint(
            "image_type IN ('satellite', 'street_view', 'processed', 'super_res')",
            name=op.f("ck_property_images_image_type"),
        ),
        sa.CheckConstraint(
            "view_angle IN ('overhead', 'front', 'left', 'right', 'rear')", name=op.f("ck_property_images_view_angle")
        ),
        sa.CheckConstraint("quality_score BETWEEN 0 AND 100", name=op.f("ck_property_images_quality_score")),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_property_images_base_lead_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_property_images")),
    )
    op.create_index("idx_property_images_lead", "property_images", ["base_lead_id"], unique=False)
    op.create_index("idx_property_images_type", "property_images", ["image_type"], unique=False)
    op.create_index("uq_property_images_object", "property_images", ["s3_bucket", "s3_key"], unique=True)
    op.create_table(
        "roof_analysis",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=False),
        sa.Column("overall_condition", sa.String(length=50), nullable=True),
        sa.Column("confidence_score", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("damage_detected", sa.Boolean(), nullable=True),
        sa.Column("damage_types", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("damage_severity", postgresql.JSONB(), nullable=True),
        sa.Column("damage_locations", postgresql.JSONB(), nullable=True),
        sa.Column("damage_areas_sqft", postgresql.JSONB(), nullable=True),
        sa.Column("roof_sqft", sa.Integer(), nullable=True),
        sa.Column("roof_pitch", sa.String(length=50), nullable=True),
        sa.Column("roof_type", sa.String(length=50), nullable=True),
        sa.Column("estimated_age", sa.Integer(), nullable=True),
        sa.Column("estimated_remaining_life", sa.Integer(), nullable=True),
        sa.Column("repair_cost_low", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("repair_cost_high", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("replacement_cost_low", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("replacement_cost_high", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("roi_for_replacement", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("classifier_model", sa.String(length=100), nullable=True),
        sa.Column("classifier_version", sa.String(length=50), nullable=True),
        sa.Column("detector_model", sa.String(length=100), nullable=True),
        sa.Column("detector_version", sa.String(length=50), nullable=True),
        sa.Column("segmentor_model", sa.String(length=100), nullable=True),
        sa.Column("segmentor_version", sa.String(length=50), nullable=True),
        sa.Column("validation_status", sa.String(length=50), nullable=True),
        sa.Column("validation_confidence", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("human_validated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("human_validator_id", sa.Uuid(), nullable=True),
        sa.Column("validation_notes", sa.Text(), nullable=True),
        sa.Column("validation_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("analyzed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "overall_condition IN ('excellent', 'good', 'fair', 'poor', 'critical')",
            name=op.f("ck_roof_analysis_overall_condition"),
        ),
        sa.CheckConstraint(
            "roof_type IN ('shingle', 'tile', 'metal', 'flat', 'slate')", name=op.f("ck_roof_analysis_roof_type")
        ),
        sa.CheckConstraint(
            "validation_status IN ('pending', 'approved', 'needs_review', 'rejected')",
            name=op.f("ck_roof_analysis_validation_status"),
        ),
        sa.CheckConstraint("confidence_score BETWEEN 0 AND 100", name=op.f("ck_roof_analysis_confidence_score")),
        sa.CheckConstraint(
            "validation_confidence BETWEEN 0 AND 100", name=op.f("ck_roof_analysis_validation_confidence")
        ),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_roof_analysis_base_lead_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["human_validator_id"], ["users.id"], name=op.f("fk_roof_analysis_human_validator_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roof_analysis")),
    )
    op.create_index("idx_roof_analysis_condition", "roof_analysis", ["overall_condition"], unique=False)
    op.create_index(
        "idx_roof_analysis_confidence", "roof_analysis", [sa.literal_column("confidence_score DESC")], unique=False
    )
    op.create_index("idx_roof_analysis_lead", "roof_analysis", ["base_lead_id"], unique=False)
    op.create_index("idx_roof_analysis_validator", "roof_analysis", ["human_validator_id"], unique=False)
    op.create_table(
        "roofing_leads",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=False),
        sa.Column("vertical_id", sa.Uuid(), nullable=True),
        sa.Column("estimated_roof_age", sa.Integer(), nullable=True),
        sa.Column("roof_type", sa.String(length=50), nullable=True),
        sa.Column("roof_sqft", sa.Integer(), nullable=True),
        sa.Column("roof_pitch", sa.String(length=50), nullable=True),
        sa.Column("last_roof_permit", sa.Date(), nullable=True),
        sa.Column("neighbor_permits_30d", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("neighbor_permits_60d", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("neighbor_permits_90d", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("hail_event_30d", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("hail_event_90d", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("wind_event_30d", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("trigger_event", sa.String(length=100), nullable=True),
        sa.Column("trigger_details", postgresql.JSONB(), nullable=True),
        sa.Column("satellite_image_url", sa.Text(), nullable=True),
        sa.Column("street_view_urls", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("ai_roof_analysis", postgresql.JSONB(), nullable=True),
        sa.Column("ai_insights", postgresql.JSONB(), nullable=True),
        sa.Column("damage_detected", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("damage_severity", postgresql.JSONB(), nullable=True),
        sa.Column("repair_cost_estimate", postgresql.JSONB(), nullable=True),
        sa.Column("replacement_cost_estimate", postgresql.JSONB(), nullable=True),
        sa.Column("data_sources", sa.ARRAY(sa.Text()), nullable=True),
        sa.CheckConstraint(
            "roof_type IN ('shingle', 'tile', 'metal', 'flat', 'slate')", name=op.f("ck_roofing_leads_roof_type")
        ),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_roofing_leads_base_lead_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["vertical_id"], ["verticals.id"], name=op.f("fk_roofing_leads_vertical_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roofing_leads")),
        sa.UniqueConstraint("base_lead_id", name=op.f("uq_roofing_leads_base_lead_id")),
    )
    op.create_index("idx_roofing_leads_vertical", "roofing_leads", ["vertical_id"], unique=False)
    op.create_table(
        "roofing_permits",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=True),
        sa.Column("permit_number", sa.String(length=100), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=2), nullable=True),
        sa.Column("zip", sa.String(length=10), nullable=True),
        sa.Column("lat", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("lng", sa.Numeric(precision=11, scale=8), nullable=True),
        sa.Column(
            "geom",
            Geography("POINT", srid=4326, spatial_index=False),
            sa.Computed(POINT, persisted=True),
            nullable=True,
        ),
        sa.Column("permit_type", sa.String(length=100), nullable=True),
        sa.Column("work_description", sa.Text(), nullable=True),
        sa.Column("estimated_value", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("contractor_name", sa.String(length=255), nullable=True),
        sa.Column("contractor_license", sa.String(length=100), nullable=True),
        sa.Column("issue_date", sa.Date(), nullable=True),
        sa.Column("completion_date", sa.Date(), nullable=True),
        sa.Column("permit_status", sa.String(length=50), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("scraped_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_roofing_permits_state")),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_roofing_permits_base_lead_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roofing_permits")),
        sa.UniqueConstraint("city", "state", "permit_number", name=op.f("uq_roofing_permits_city_state_permit_number")),
    )
    op.create_index("idx_permits_address", "roofing_permits", ["address"], unique=False)
    op.create_index(
        "idx_permits_city_date",
        "roofing_permits",
        ["state", sa.literal_column("lower(city)"), sa.literal_column("issue_date DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("idx_permits_date", "roofing_permits", [sa.literal_column("issue_date DESC")], unique=False)
    op.create_index("idx_permits_geom", "roofing_permits", ["geom"], unique=False, postgresql_using="gist")
    op.create_index("idx_permits_lead", "roofing_permits", ["base_lead_id"], unique=False)
    op.create_index("idx_permits_location", "roofing_permits", ["city", "state"], unique=False)
    op.create_table(
        "score_breakdowns",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=False),
        sa.Column("factor", sa.String(length=50), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("points BETWEEN 0 AND maximum", name=op.f("ck_score_breakdowns_points")),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_score_breakdowns_base_lead_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_breakdowns")),
        sa.UniqueConstraint("base_lead_id", "factor", name=op.f("uq_score_breakdowns_base_lead_id_factor")),
    )
    op.create_table(
        "ml_inference_jobs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=True),
        sa.Column("property_image_id", sa.Uuid(), nullable=True),
        sa.Column("model_type", sa.String(length=50), nullable=True),
        sa.Column("model_name", sa.String(length=100), nullable=True),
        sa.Column("model_version", sa.String(length=50), nullable=True),
        sa.Column("status", sa.String(length=50), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("gpu_used", sa.Boolean(), nullable=True),
        sa.Column("gpu_id", sa.Integer(), nullable=True),
        sa.Column("memory_used_mb", sa.Integer(), nullable=True),
        sa.Column("inference_results", postgresql.JSONB(), nullable=True),
        sa.Column("confidence_score", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "model_type IN ('classifier', 'detector', 'segmentor')", name=op.f("ck_ml_inference_jobs_model_type")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_ml_inference_jobs_status"),
        ),
        sa.CheckConstraint("confidence_score BETWEEN 0 AND 100", name=op.f("ck_ml_inference_jobs_confidence_score")),
        sa.ForeignKeyConstraint(["base_lead_id"], ["base_leads.id"], name=op.f("fk_ml_inference_jobs_base_lead_id")),
        sa.ForeignKeyConstraint(
            ["property_image_id"], ["property_images.id"], name=op.f("fk_ml_inference_jobs_property_image_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ml_inference_jobs")),
    )
    op.create_index("idx_ml_inference_jobs_image", "ml_inference_jobs", ["property_image_id"], unique=False)
    op.create_index("idx_ml_inference_jobs_lead", "ml_inference_jobs", ["base_lead_id"], unique=False)
    op.create_index("idx_ml_inference_jobs_status", "ml_inference_jobs", ["status"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lead_assignment_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'requested'"), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'rejected', 'paid', 'failed')", name=op.f("ck_refunds_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_refunds_decided_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["lead_assignment_id"], ["lead_assignments.id"], name=op.f("fk_refunds_lead_assignment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("lead_assignment_id", name=op.f("uq_refunds_lead_assignment_id")),
    )
    op.create_index("idx_refunds_decided_by", "refunds", ["decided_by"], unique=False)
    op.create_index("idx_refunds_state", "refunds", ["state"], unique=False)
    op.create_table(
        "review_tasks",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("base_lead_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=True),
        sa.Column("workflow_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=20), server_default=sa.text("'open'"), nullable=False),
        sa.Column("confidence", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("failed_stages", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("evidence", postgresql.JSONB(), nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("corrected_condition", sa.String(length=50), nullable=True),
        sa.Column("reminders_sent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "corrected_condition IN ('excellent', 'good', 'fair', 'poor', 'critical')",
            name=op.f("ck_review_tasks_corrected_condition"),
        ),
        sa.CheckConstraint("state IN ('open', 'approved', 'rejected', 'expired')", name=op.f("ck_review_tasks_state")),
        sa.CheckConstraint("confidence BETWEEN 0 AND 100", name=op.f("ck_review_tasks_confidence")),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["roof_analysis.id"], name=op.f("fk_review_tasks_analysis_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["base_lead_id"], ["base_leads.id"], name=op.f("fk_review_tasks_base_lead_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["users.id"], name=op.f("fk_review_tasks_reviewer_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_tasks")),
    )
    op.create_index("idx_review_tasks_analysis", "review_tasks", ["analysis_id"], unique=False)
    op.create_index("idx_review_tasks_lead", "review_tasks", ["base_lead_id"], unique=False)
    op.create_index(
        "idx_review_tasks_queue",
        "review_tasks",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("idx_review_tasks_reviewer", "review_tasks", ["reviewer_id"], unique=False)
    op.create_index(
        "uq_review_tasks_open",
        "review_tasks",
        ["base_lead_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    """Undo this revision."""
    op.drop_index("uq_review_tasks_open", table_name="review_tasks", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("idx_review_tasks_reviewer", table_name="review_tasks")
    op.drop_index("idx_review_tasks_queue", table_name="review_tasks", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("idx_review_tasks_lead", table_name="review_tasks")
    op.drop_index("idx_review_tasks_analysis", table_name="review_tasks")
    op.drop_table("review_tasks")
    op.drop_index("idx_refunds_state", table_name="refunds")
    op.drop_index("idx_refunds_decided_by", table_name="refunds")
    op.drop_table("refunds")
    op.drop_index("idx_ml_inference_jobs_status", table_name="ml_inference_jobs")
    op.drop_index("idx_ml_inference_jobs_lead", table_name="ml_inference_jobs")
    op.drop_index("idx_ml_inference_jobs_image", table_name="ml_inference_jobs")
    op.drop_table("ml_inference_jobs")
    op.drop_table("score_breakdowns")
    op.drop_index("idx_permits_location", table_name="roofing_permits")
    op.drop_index("idx_permits_lead", table_name="roofing_permits")
    op.drop_index("idx_permits_geom", table_name="roofing_permits", postgresql_using="gist")
    op.drop_index("idx_permits_date", table_name="roofing_permits")
    op.drop_index("idx_permits_city_date", table_name="roofing_permits")
    op.drop_index("idx_permits_address", table_name="roofing_permits")
    op.drop_table("roofing_permits")
    op.drop_index("idx_roofing_leads_vertical", table_name="roofing_leads")
    op.drop_table("roofing_leads")
    op.drop_index("idx_roof_analysis_validator", table_name="roof_analysis")
    op.drop_index("idx_roof_analysis_lead", table_name="roof_analysis")
    op.drop_index("idx_roof_analysis_confidence", table_name="roof_analysis")
    op.drop_index("idx_roof_analysis_condition", table_name="roof_analysis")
    op.drop_table("roof_analysis")
    op.drop_index("uq_property_images_object", table_name="property_images")
    op.drop_index("idx_property_images_type", table_name="property_images")
    op.drop_index("idx_property_images_lead", table_name="property_images")
    op.drop_table("property_images")
    op.drop_index("idx_notifications_user", table_name="notifications")
    op.drop_index(
        "idx_notifications_pending", table_name="notifications", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_index("idx_notifications_contractor", table_name="notifications")
    op.drop_table("notifications")
    op.drop_index("idx_lead_triggers_type", table_name="lead_triggers")
    op.drop_index("idx_lead_triggers_strength", table_name="lead_triggers")
    op.drop_index("idx_lead_triggers_lead", table_name="lead_triggers")
    op.drop_index("idx_lead_triggers_active", table_name="lead_triggers", postgresql_where=sa.text("active = true"))
    op.drop_table("lead_triggers")
    op.drop_index(
        "uq_lead_assignments_live", table_name="lead_assignments", postgresql_where=sa.text("released_at IS NULL")
    )
    op.drop_index("idx_lead_assignments_lead", table_name="lead_assignments")
    op.drop_index("idx_lead_assignments_converted", table_name="lead_assignments")
    op.drop_index("idx_lead_assignments_contractor", table_name="lead_assignments")
    op.drop_table("lead_assignments")
    op.drop_index("idx_enrichment_jobs_status", table_name="enrichment_jobs")
    op.drop_index("idx_enrichment_jobs_lead", table_name="enrichment_jobs")
    op.drop_table("enrichment_jobs")
    op.drop_index("idx_scheduled_touchpoints_touchpoint", table_name="scheduled_touchpoints")
    op.drop_index(
        "idx_scheduled_touchpoints_due",
        table_name="scheduled_touchpoints",
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.drop_index("idx_scheduled_touchpoints_contractor", table_name="scheduled_touchpoints")
    op.drop_index("idx_scheduled_touchpoints_campaign", table_name="scheduled_touchpoints")
    op.drop_table("scheduled_touchpoints")
    op.drop_index("idx_base_leads_vertical", table_name="base_leads")
    op.drop_index("idx_base_leads_status", table_name="base_leads")
    op.drop_index("idx_base_leads_quality", table_name="base_leads")
    op.drop_index("idx_base_leads_owner_phone", table_name="base_leads")
    op.drop_index("idx_base_leads_owner_email", table_name="base_leads")
    op.drop_index("idx_base_leads_market", table_name="base_leads", postgresql_where=sa.text("status = 'available'"))
    op.drop_index("idx_base_leads_location", table_name="base_leads")
    op.drop_index("idx_base_leads_geom", table_name="base_leads", postgresql_using="gist")
    op.drop_index("idx_base_leads_cluster", table_name="base_leads")
    op.drop_table("base_leads")
    op.drop_index("uq_call_logs_external", table_name="ai_call_logs")
    op.drop_index("idx_call_logs_touchpoint", table_name="ai_call_logs")
    op.drop_index("idx_call_logs_status", table_name="ai_call_logs")
    op.drop_index("idx_call_logs_interest", table_name="ai_call_logs")
    op.drop_index("idx_call_logs_contractor", table_name="ai_call_logs")
    op.drop_index("idx_call_logs_campaign", table_name="ai_call_logs")
    op.drop_table("ai_call_logs")
    op.drop_index("idx_users_role", table_name="users")
    op.drop_index("idx_users_contractor", table_name="users")
    op.drop_table("users")
    op.drop_index(
        "idx_touchpoints_scheduled", table_name="outreach_touchpoints", postgresql_where=sa.text("status = 'scheduled'")
    )
    op.drop_index("idx_touchpoints_external", table_name="outreach_touchpoints")
    op.drop_index("idx_touchpoints_contractor", table_name="outreach_touchpoints")
    op.drop_index("idx_touchpoints_campaign", table_name="outreach_touchpoints")
    op.drop_table("outreach_touchpoints")
    op.drop_index("idx_lead_clusters_location", table_name="lead_clusters")
    op.drop_index("idx_lead_clusters_contractor", table_name="lead_clusters")
    op.drop_table("lead_clusters")
    op.drop_index("idx_demo_meetings_scheduled", table_name="demo_meetings")
    op.drop_index("idx_demo_meetings_contractor", table_name="demo_meetings")
    op.drop_table("demo_meetings")
    op.drop_index(
        "idx_webhook_inbox_waiting", table_name="webhook_inbox", postgresql_where=sa.text("state = 'received'")
    )
    op.drop_table("webhook_inbox")
    op.drop_index("idx_weather_events_type", table_name="weather_events")
    op.drop_index("idx_weather_events_location", table_name="weather_events")
    op.drop_index("idx_weather_events_geom", table_name="weather_events", postgresql_using="gist")
    op.drop_index("idx_weather_events_date", table_name="weather_events")
    op.drop_table("weather_events")
    op.drop_table("verticals")
    op.drop_index("idx_target_cities_tier", table_name="target_cities")
    op.drop_index("idx_target_cities_priority", table_name="target_cities")
    op.drop_index("idx_target_cities_active", table_name="target_cities")
    op.drop_table("target_cities")
    op.drop_index("idx_system_events_type", table_name="system_events")
    op.drop_index("idx_system_events_severity", table_name="system_events")
    op.drop_index("idx_system_events_entity", table_name="system_events")
    op.drop_index("idx_system_events_created", table_name="system_events")
    op.drop_table("system_events")
    op.drop_table("suppression_entries")
    op.drop_index("idx_scraping_jobs_type", table_name="scraping_jobs")
    op.drop_index("idx_scraping_jobs_status", table_name="scraping_jobs")
    op.drop_index("idx_scraping_jobs_parent", table_name="scraping_jobs")
    op.drop_index("idx_scraping_jobs_created", table_name="scraping_jobs")
    op.drop_index("idx_scraping_jobs_city", table_name="scraping_jobs")
    op.drop_table("scraping_jobs")
    op.drop_index("idx_outreach_campaigns_status", table_name="outreach_campaigns")
    op.drop_table("outreach_campaigns")
    op.drop_index("idx_effects_subject", table_name="effects")
    op.drop_index("idx_effects_open", table_name="effects", postgresql_where=sa.text("state IN ('started', 'unknown')"))
    op.drop_table("effects")
    op.drop_index("uq_contractors_yelp_business", table_name="contractors")
    op.drop_index("uq_contractors_google_place", table_name="contractors")
    op.drop_index("idx_contractors_tier", table_name="contractors")
    op.drop_index("idx_contractors_status", table_name="contractors")
    op.drop_index("idx_contractors_priority", table_name="contractors")
    op.drop_index("idx_contractors_geom", table_name="contractors", postgresql_using="gist")
    op.drop_index("idx_contractors_email", table_name="contractors")
    op.drop_index("idx_contractors_city_state", table_name="contractors")
    op.drop_table("contractors")
    op.drop_index("uq_consents_live", table_name="consents", postgresql_where=sa.text("revoked_at IS NULL"))
    op.drop_index("idx_consents_subject", table_name="consents")
    op.drop_table("consents")
    op.drop_index("idx_api_usage_logs_provider", table_name="api_usage_logs")
    op.drop_index("idx_api_usage_logs_entity", table_name="api_usage_logs")
    op.drop_table("api_usage_logs")
