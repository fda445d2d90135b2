"""`.env.example` explains every variable, and shows the defaults that the code has."""

import re
from pathlib import Path

from pydantic import SecretStr

from config.settings import Settings

EXAMPLE = Path(__file__).resolve().parent.parent.parent / ".env.example"
OF_THE_TOOLS = {"POSTGRES_PASSWORD", "RIDGELINE_STACK_DIR"}


def entries() -> dict[str, tuple[str, str]]:
    """Each variable with its value and the comment above it."""
    found = {}
    comment = ""
    for line in EXAMPLE.read_text().splitlines():
        variable = re.match(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", line)
        if variable:
            assert variable[1] not in found, f"{variable[1]} is there twice"
            found[variable[1]] = (variable[2], comment)
            comment = ""
        elif line.startswith("# "):
            comment = line[2:]
        else:
            comment = ""
    return found


def test_every_setting_is_explained() -> None:
    assert {name.upper() for name in Settings.model_fields} <= set(entries())
    assert [name for name, (_, comment) in entries().items() if len(comment) < 10] == []


def test_what_nothing_reads_is_marked_as_reserved() -> None:
    for name, (_, comment) in entries().items():
        used = name.lower() in Settings.model_fields or name in OF_THE_TOOLS
        assert used != ("reserved for" in comment), name


def test_the_values_shown_are_the_defaults() -> None:
    shown = entries()
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        if default is not None:
            assert shown[name.upper()][0] == str(default), name


def test_a_copy_changes_nothing() -> None:
    assert all(line.startswith("#") or not line for line in EXAMPLE.read_text().splitlines())
