"""What is shown of an address before it is bought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.repositories.leads import street_of


@pytest.mark.parametrize(
    ("line", "street"),
    [
        ("742 EVERGREEN TER", "EVERGREEN TER"),
        ("1200 W 5TH ST APT 4B", "W 5TH ST"),
        ("12 1/2 OAK AVE", "OAK AVE"),
        ("N6W23001 BLUEMOUND RD", "BLUEMOUND RD"),
        ("11-15 MAIN ST UNIT 7", "MAIN ST"),
        ("9001 FM 2222", "FM 2222"),
        ("100 ELM ST # 12", "ELM ST"),
        ("500 E 42ND 1/2 ST STE 100", "E 42ND 1/2 ST"),
    ],
)
def test_street_without_house_number_and_unit(line: str, street: str) -> None:
    assert street_of(line) == street


@given(st.integers(1, 99_999), st.integers(1, 999))
def test_number_and_unit_never_show(number: int, unit: int) -> None:
    assert street_of(f"{number} JUNIPER LN APT {unit}") == "JUNIPER LN"
