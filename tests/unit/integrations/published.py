"""Vendors' own descriptions of their APIs, where the checkout has them, as schemas that a validator can read."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SPECS = Path(__file__).parents[4] / "shared/data/specs"
HAVE_VAPI = (SPECS / "vapi/openapi.json").exists()
HAVE_OLLAMA = (SPECS / "ollama/openapi.yaml").exists()
WHY = "reads the vendors' published descriptions from ../shared/data, not shipped; the twins judge requests too"


def validate(vendor: str, schema: str, body: Any) -> None:
    """Raises ValidationError unless `body` is what the vendor's component schema says."""
    components = _components(vendor)
    if schema not in components["schemas"]:
        raise LookupError(f"{vendor} publishes no {schema}")
    rules = {"$ref": f"#/components/schemas/{schema}", "components": components}
    jsonschema.Draft202012Validator(rules).validate(body)


@cache
def _components(vendor: str) -> dict[str, Any]:
    names = {"vapi": "vapi/openapi.json", "ollama": "ollama/openapi.yaml"}
    text = (SPECS / names[vendor]).read_text()
    document = json.loads(text) if names[vendor].endswith(".json") else yaml.safe_load(text)
    components = document["components"]
    _mend(components)
    return dict(components)


def _mend(node: Any) -> None:
    """What Vapi's generator writes that contradicts itself.

    The words allowed in an array as an enumeration of the array; patterns of JavaScript; "exactly one of" where
    several may fit, such as a known word or any text, or kinds of message with the same fields.
    """
    if isinstance(node, dict):
        if node.get("type") == "array" and "enum" in node and "items" in node:
            del node["enum"]
        if isinstance(node.get("pattern"), str) and node["pattern"].startswith("/"):
            del node["pattern"]
        if isinstance(node.get("oneOf"), list):
            node["anyOf"] = node.pop("oneOf")
        for child in node.values():
            _mend(child)
    elif isinstance(node, list):
        for child in node:
            _mend(child)
