"""Every setting of the platform, read once from the environment and `.env`.

Nothing reads `os.environ` elsewhere. Vendor base URLs default to the real vendor; the sandbox and the
tests point them at loopback. Secrets are `SecretStr` and never printed.
"""

from functools import lru_cache
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Field names are the environment variables in lower case; `.env.example` explains each."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    # Infrastructure
    database_url: str = "postgresql+asyncpg://ridgeline:ridgeline@127.0.0.1:5432/ridgeline"
    redis_url: str = "redis://127.0.0.1:6379/0"
    s3_endpoint: str | None = None
    s3_bucket: str = "ridgeline"
    s3_region: str = "us-east-1"
    aws_access_key_id: str = "ridgeline"
    aws_secret_access_key: SecretStr = SecretStr("ridgeline-secret")
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_ui_url: str | None = None
    otel_exporter_otlp_endpoint: str | None = None
    metrics_port: int | None = None
    log_level: str = "INFO"
    worker_build_id: str | None = None

    # Personal data at rest: 32-byte keys, base64. Generate with `python -m schema new-key`.
    pii_encryption_key: SecretStr | None = None
    pii_index_key: SecretStr | None = None

    # Vendors
    socrata_app_token: SecretStr | None = None
    google_maps_base_url: str = "https://maps.googleapis.com"
    google_maps_api_key: SecretStr = SecretStr("")
    hunter_base_url: str = "https://api.hunter.io"
    hunter_api_key: SecretStr = SecretStr("")
    zerobounce_base_url: str = "https://api.zerobounce.net"
    zerobounce_api_key: SecretStr = SecretStr("")
    sendgrid_base_url: str = "https://api.sendgrid.com"
    sendgrid_api_key: SecretStr = SecretStr("")
    email_from: str = "leads@ridgeline.example"
    email_from_name: str = "Ridgeline"
    company_postal_address: str = "Ridgeline, 100 Example Street, Austin, TX 78701"
    public_url: str = "http://127.0.0.1:8000"
    inbound_mail_domain: str = "reply.ridgeline.example"
    sendgrid_webhook_public_key: str = ""
    sendgrid_inbound_token: SecretStr = SecretStr("")
    twilio_base_url: str = "https://api.twilio.com"
    twilio_lookups_base_url: str = "https://lookups.twilio.com"
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_phone_number: str = ""
    call_provider: Literal["vapi", "bland_ai"] = "vapi"
    vapi_base_url: str = "https://api.vapi.ai"
    vapi_api_key: SecretStr = SecretStr("")
    vapi_phone_number_id: str = ""
    vapi_webhook_secret: SecretStr = SecretStr("")
    vapi_credential_id: str = ""
    call_voice_id: str = "21m00Tcm4TlvDq8ikWAM"
    bland_base_url: str = "https://api.bland.ai"
    bland_api_key: SecretStr = SecretStr("")
    bland_webhook_secret: SecretStr = SecretStr("")
    calendly_base_url: str = "https://api.calendly.com"
    calendly_api_key: SecretStr = SecretStr("")
    calendly_event_type: str = ""
    calendly_webhook_signing_key: SecretStr = SecretStr("")
    stripe_base_url: str = "https://api.stripe.com"
    stripe_secret_key: SecretStr = SecretStr("")
    stripe_webhook_secret: SecretStr = SecretStr("")
    ollama_base_url: str = "http://127.0.0.1:11434"
    ollama_model: str = "llama3.2:3b"
    ollama_fallback_model: str = "mistral:7b-instruct"
    ollama_timeout_seconds: float = 60.0
    yelp_base_url: str = "https://api.yelp.com"
    yelp_api_key: SecretStr = SecretStr("")
    crawler_allowed_hosts: str = ""
    calls_to_mobiles: bool = False
    contact_caps: bool = True
    webhook_tolerance_seconds: int = 300
    vendor_timeout_seconds: float = 15.0
    vendor_search_settles_seconds: float = 3600.0
    vendor_user_agent: str = "RidgelineBot/0.1 (+https://ridgeline.example/bot)"

    # Models
    models_dir: str = "ml_models/weights"
    inference_threads: int = 2


@lru_cache
def get_settings() -> Settings:
    """The settings of this process."""
    return Settings()
