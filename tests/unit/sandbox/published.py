"""The vendors' published descriptions: the real ones where they lie beside the project, else fixtures of our own."""

import json
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
OWN = ROOT / "tests" / "fixtures" / "sandbox"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def permit_columns() -> set[str]:
    """Columns of Austin's permit dataset."""
    recorded = SHARED / "permits" / "austin_socrata" / "3syk-w9eu_full_schema_4rows.json"
    own = set(_read(OWN / "permit_columns.json")["columns"])
    if not recorded.exists():
        return own
    rows = [row for name in (recorded, SHARED / "cities" / "socrata_sample_austin.json") for row in _read(name)]
    return {column for row in rows for column in row}


def google_schema(name: str) -> dict[str, Any]:
    """JSON schema of a Google Maps Platform answer."""
    published = SHARED / "specs" / "googlemaps" / "google-maps-platform-openapi3.json"
    if not published.exists():
        return dict(_read(OWN / "google_schemas.json")[name])
    return {"$ref": f"#/components/schemas/{name}", "components": _read(published)["components"]}


def sendgrid_request() -> dict[str, Any]:
    """JSON schema of SendGrid's Mail Send body."""
    published = SHARED / "specs" / "sendgrid" / "tsg_mail_v3.json"
    if not published.exists():
        return dict(_read(OWN / "sendgrid_mail_send.json"))
    components = _read(published)["components"]
    body = components["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    # OpenAPI 3.0 writes this one as a string; the documentation and every client send an object.
    body["properties"].pop("custom_args")
    return {**body, "components": components}


def check_twilio(name: str, document: Any) -> None:
    """Fails unless this is what Twilio's description of the resource allows, with all its fields."""
    path = SHARED / "specs" / "twilio" / "twilio_api_v2010.json"
    assert set(document) == set(_read(OWN / "twilio_fields.json")[name])
    _validate(path, name, document)


def check_twilio_list(document: dict[str, Any]) -> None:
    """As `check_twilio`, for a page of messages."""
    for message in document["messages"]:
        check_twilio("api.v2010.account.message", message)
    assert set(document) == set(_read(OWN / "twilio_fields.json")["page"])


def check_lookup(document: Any) -> None:
    """As `check_twilio`, for an answer of Lookup v2."""
    path = SHARED / "specs" / "twilio" / "twilio_lookups_v2.json"
    assert set(document) == set(_read(OWN / "twilio_fields.json")["lookup"])
    _validate(path, "LookupResponse", _without_nulls(document))


def _validate(path: Path, name: str, document: Any) -> None:
    if path.exists():
        schema = {"$ref": f"#/components/schemas/{name}", "components": _read(path)["components"]}
        OAS30Validator(schema).validate(document)


def _without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """Lookup's description forbids the nulls of its own example."""
    filled = {name: value for name, value in document.items() if value is not None}
    return {name: _without_nulls(value) if isinstance(value, dict) else value for name, value in filled.items()}
