import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.property_record import PersonName, is_company, person_name


@pytest.mark.parametrize(
    ("owner", "first", "last"),
    [
        ("Jane Doe", "Jane", "Doe"),
        ("JANE A DOE", "Jane", "Doe"),
        ("DOE, JANE A & JOHN", "Jane", "Doe"),
        ("DOE, JANE", "Jane", "Doe"),
        ("Jane Doe and John Doe", "Jane", "Doe"),
        ("DOE, JOHN JR", "John", "Doe"),
        ("John Doe III", "John", "Doe"),
        ("O'NEIL, MARY-ANN", "Mary-Ann", "O'Neil"),
        ("José García", "José", "García"),
    ],
)
def test_a_persons_name_is_read_either_way_round(owner: str, first: str, last: str) -> None:
    assert person_name(owner) == PersonName(first, last)


@pytest.mark.parametrize(
    "owner",
    [
        "Third Porch Properties LP",
        "DOE FAMILY TRUST",
        "CITY OF AUSTIN",
        "Acme, Inc",
        "First Bank",
        "Doe",
        "",
        "123",
        ",",
    ],
)
def test_companies_and_single_words_are_nobody(owner: str) -> None:
    assert person_name(owner) is None


def test_a_company_is_known_by_its_form() -> None:
    assert is_company("Blue Heron Rentals LLC")
    assert not is_company("Coleman, Trusty")


@given(st.text())
def test_any_text_is_a_person_or_nobody(text: str) -> None:
    name = person_name(text)
    assert name is None or (name.first and name.last)
