import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.address import InvalidAddress, lead_id_for, parse_address, parse_zip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1234 north main street, apt 4b", "1234 N MAIN ST APT 4B"),
        ("123 1/2 Elm St.", "123 1/2 ELM ST"),
        ("13 N\tElm   St", "13 N ELM ST"),
        ("4500 FM 2222 Rd", "4500 FM 2222 RD"),
        ("12 10th street", "12 10TH ST"),
        ("1 Calle José Martí", "1 CALLE JOSE MARTI"),
        ("5 Broadway", "5 BROADWAY"),
        ("123-A Oak St", "123-A OAK ST"),
        ("123 Main St, Austin, TX 78701", "123 MAIN ST"),
        ("123 MAIN ST AUSTIN TX 78701-1234", "123 MAIN ST"),
    ],
)
def test_lines_become_usps_form(line: str, expected: str) -> None:
    assert parse_address(line, "Austin", "TX").line == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "empty"),
        (" \x00\n", "empty"),
        ("PO BOX 123", "PO box"),
        ("P.O. Box 9", "PO box"),
        ("LOT 4 BLK 2", "lot and block"),
        ("Main Street", "house number"),
        ("123", "house number"),
        ("123 456", "house number"),
        ("!!!", "house number"),
        ("١٢ Oak St", "house number"),
        ("12 Main St & 5 Oak St", "could not be read"),
        ("1 " + "x" * 200, "longer than"),
    ],
)
def test_what_is_no_street_address_says_why_without_quoting_it(line: str, words: str) -> None:
    with pytest.raises(InvalidAddress, match=words) as caught:
        parse_address(line, "Austin", "TX")
    assert caught.value.detail.endswith(".")
    assert "12 Main" not in caught.value.detail


@pytest.mark.parametrize(
    ("city", "state"), [("", "TX"), ("Austin", ""), ("Austin", "ZZ"), ("Austin", "T"), ("x" * 101, "TX")]
)
def test_city_and_state_are_needed(city: str, state: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address("12 Oak St", city, state)


def test_a_state_may_be_spelled_out() -> None:
    assert parse_address("12 Oak St", "Austin", "texas").state == "TX"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("78701", "78701"), ("78701-1234", "78701"), ("787011234", "78701"), ("7870", None), ("abc", None), (None, None)],
)
def test_zip_is_five_digits_or_nothing(text: str | None, expected: str | None) -> None:
    assert parse_zip(text) == expected


def test_the_same_property_has_the_same_id_however_it_is_written() -> None:
    written = [
        ("1234 North Main Street Apt 4B", "Austin", "TX", None),
        ("1234 n. main st, apt 4b", "AUSTIN", "tx", "78701"),
        ("1234 N MAIN ST APT 4B", " austin ", "Texas", "78701-0001"),
    ]
    assert len({lead_id_for(parse_address(*parts)) for parts in written}) == 1
    other = parse_address("1234 N Main St Apt 4C", "Austin", "TX")
    assert lead_id_for(other) != lead_id_for(parse_address(*written[0]))


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=4))
def test_any_text_is_an_address_or_an_invalid_address(line: str, city: str, state: str) -> None:
    try:
        address = parse_address(line, city, state)
    except InvalidAddress:
        return
    assert address.line == address.line.upper()


@given(
    st.integers(1, 99999),
    st.sampled_from(["", "N ", "South "]),
    st.sampled_from(["Oak", "Elm", "Main", "Ben White", "11th", "Live Oak"]),
    st.sampled_from(["St", "Avenue", "blvd", "Drive", "Ln"]),
    st.sampled_from(["", " Apt 3", " unit b", " # 12"]),
)
def test_normalising_twice_changes_nothing(number: int, way: str, name: str, kind: str, unit: str) -> None:
    once = parse_address(f"{number} {way}{name} {kind}{unit}", "Austin", "TX")
    assert parse_address(once.line, once.city, once.state) == once
