"""Stripe's form encoding: `items[0][price]=x&expand[]=y` as nested dictionaries and lists, and back to its errors."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
MAX_DEPTH = 6


class StripeProblem(Exception):
    """An error as Stripe reports it."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message} | {name: value for name, value in extra.items() if value}

    @property
    def body(self) -> dict[str, Any]:
        """The response body."""
        return {"error": self.error}


def missing(param: str) -> StripeProblem:
    """A required parameter is not there."""
    return StripeProblem(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def invalid(param: str, why: str) -> StripeProblem:
    """A parameter makes no sense."""
    return StripeProblem(400, f"Invalid {param}: {why}", param=param)


def parse_form(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested parameters from the flat pairs of a form or a query. Raises StripeProblem for a broken name."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        whole = _NAME.fullmatch(name)
        if whole is None:
            raise StripeProblem(400, "Invalid request: a parameter's name cannot be read.")
        path = [whole.group(1), *_PART.findall(whole.group(2))]
        if len(path) > MAX_DEPTH:
            raise StripeProblem(400, "Invalid request: parameters are nested too deeply.")
        _put(root, path, value)
    return {name: _settled(value) for name, value in root.items()}


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    head, *rest = path
    head = head or str(len(into))
    if not rest:
        into[head] = value
        return
    inner = into.setdefault(head, {})
    if not isinstance(inner, dict):
        raise invalid(head, "it is given both as a value and as an object.")
    _put(inner, rest, value)


def _settled(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdigit() for name in value):
        return [_settled(value[name]) for name in sorted(value, key=int)]
    return {name: _settled(inner) for name, inner in value.items()}


def allow(params: Mapping[str, Any], *names: str) -> None:
    """Raises StripeProblem for a parameter that this endpoint does not know, as Stripe does."""
    for name in params:
        if name not in names and name != "expand":
            raise StripeProblem(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def flag(params: Mapping[str, Any], name: str) -> bool | None:
    """A boolean parameter; None when it is not given."""
    value = params.get(name)
    if value is None:
        return None
    if value not in ("true", "false"):
        raise invalid(name, "must be true or false.")
    return bool(value == "true")


def whole(params: Mapping[str, Any], name: str, low: int = 1) -> int:
    """A required integer parameter of at least `low`."""
    value = params.get(name)
    if value is None:
        raise missing(name)
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,12}", value, re.ASCII):
        raise StripeProblem(400, f"Invalid integer: {name}", code="parameter_invalid_integer", param=name)
    if int(value) < low:
        raise invalid(name, f"This value must be greater than or equal to {low}.")
    return int(value)


def labels(params: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of a request, within Stripe's limits."""
    given = params.get("metadata", {})
    if not isinstance(given, dict) or len(given) > 50:
        raise invalid("metadata", "must be an object of at most 50 keys.")
    for name, value in given.items():
        if not isinstance(value, str) or len(value) > 500 or len(name) > 40:
            raise invalid("metadata", "keys are up to 40 and values up to 500 characters long.")
    return {name: value for name, value in given.items() if value}
