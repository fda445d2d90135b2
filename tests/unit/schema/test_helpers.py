"""Small pure parts of the schema package."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.contracts.base import LeadStatus
from schema.database import async_url, to_json
from schema.repositories.base import MAX_PAGE, checked, clean, page_size
from schema.repositories.leads import LeadCursor, street_of, value_range
from schema.tables import BaseLead


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("postgresql://u:p@h:5/d", "postgresql+asyncpg://u:p@h:5/d"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+asyncpg://u@h/d?prepared_statement_cache_size=0", None),
        ("postgresql+psycopg://u@h/d?sslmode=require", "postgresql+asyncpg://u@h/d?ssl=require"),
    ],
)
def test_database_urls_of_any_spelling(url: str, becomes: str | None) -> None:
    assert async_url(url).render_as_string(hide_password=False) == (becomes or url)


def test_another_database_is_refused_without_showing_the_password() -> None:
    with pytest.raises(ValueError, match="must be a postgresql") as caught:
        async_url("mysql://u:secret@h/d")
    assert "secret" not in str(caught.value)


def test_json_of_what_python_has_and_json_lacks() -> None:
    value = {
        "money": Decimal("1.10"),
        "day": date(2026, 1, 2),
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "id": UUID(int=1),
        "status": LeadStatus.SOLD,
    }
    assert to_json(value) == (
        '{"money": "1.10", "day": "2026-01-02", "at": "2026-01-02T00:00:00+00:00", '
        '"id": "00000000-0000-0000-0000-000000000001", "status": "sold"}'
    )
    with pytest.raises(ValueError, match="JSON"):
        to_json(float("nan"))
    with pytest.raises(TypeError, match="object"):
        to_json(object())


@pytest.mark.parametrize(
    ("line", "street"),
    [
        ("1204 OAK HILL DR", "OAK HILL DR"),
        ("12 MAIN ST APT 4", "MAIN ST"),
        ("12 MAIN ST # 4", "MAIN ST"),
        ("N6W23001 BLUEMOUND RD", "BLUEMOUND RD"),
        ("12-14 1ST AVE", "1ST AVE"),
        ("12 1/2 ELM ST UNIT B", "ELM ST"),
        ("9 FLORA LN", "FLORA LN"),
        ("7 UNITY WAY", "UNITY WAY"),
        ("12345 FM 2222", "FM 2222"),
    ],
)
def test_a_preview_street_has_no_house_number_and_no_unit(line: str, street: str) -> None:
    assert street_of(line) == street


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (None, None),
        (Decimal(0), "under $100K"),
        (Decimal("99999.99"), "under $100K"),
        (Decimal(100_000), "$100K-$200K"),
        (Decimal(300_000), "$300K-$500K"),
        (Decimal(500_000), "$500K or more"),
    ],
)
def test_value_bands(value: Decimal | None, band: str | None) -> None:
    assert value_range(value) == band


def test_cursors_survive_their_text_form() -> None:
    cursor = LeadCursor(87, uuid4())
    assert LeadCursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize("text", ["", "x", "87", "87.x", ".", "a.00000000000000000000000000000001"])
def test_a_made_up_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        LeadCursor.decode(text)


@given(st.integers())
def test_no_page_is_unbounded(limit: int) -> None:
    assert 1 <= page_size(limit) <= MAX_PAGE


@given(st.text(), st.integers(1, 50))
def test_clean_text_fits_the_database(text: str, length: int) -> None:
    kept = clean(text, length)
    assert kept is None or (0 < len(kept) <= length and "\x00" not in kept)


def test_only_existing_and_allowed_columns_may_be_set() -> None:
    checked(BaseLead, ["price", "grade"])
    with pytest.raises(AttributeError):
        checked(BaseLead, ["prize"])
    with pytest.raises(AttributeError):
        checked(BaseLead, ["owner_email"], forbidden={"owner_email"})
