import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.texts import BASIC, EXTENDED, ONE_SMS, fits_one_sms, sms_length, typewritten


def test_the_alphabet_has_its_127_characters_and_ten_extensions() -> None:
    # 128 places, of which one is the escape to the extension table.
    assert len(BASIC) == 127
    assert len(EXTENDED) == 10
    assert not BASIC & EXTENDED


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("STOP", 4),
        ("Quick question about roofing leads in Austin", 44),
        ("@£$¥", 4),
        ("line\nbreak", 10),
        ("[x]", 5),
        ("{}^~|\\€", 14),
        ("1 € = 1", 8),
        ("Ñandú", None),  # ú is not in the alphabet, although ù is
        ("jalapeño", 8),
        ("it’s", None),
        ("roof 🏠", None),
        ("a\tb", None),
        ("ç", None),
        ("Ç", 1),
        ("–", None),
    ],
)
def test_septets(text: str, length: int | None) -> None:
    assert sms_length(text) == length


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * 160, True),
        ("a" * 161, False),
        ("a" * 158 + "€", True),
        ("a" * 159 + "€", False),
        ("€" * 80, True),
        ("€" * 80 + "a", False),
        ("’", False),
    ],
)
def test_one_message_is_160_septets(text: str, fits: bool) -> None:
    assert fits_one_sms(text) is fits


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("It’s “ready” – now…", 'It\'s "ready" - now...'),
        ("Muñoz & Peña", "Muñoz & Peña"),
        ("José Gutiérrez Ávila", "José Gutiérrez Avila"),
        ("Dvořák", "Dvorak"),
        ("a\u00a0b\u200bc", "a bc"),
        ("🏠", "🏠"),
    ],
)
def test_names_are_written_plainly(text: str, plain: str) -> None:
    assert typewritten(text) == plain


@given(st.text(max_size=300))
def test_writing_plainly_twice_changes_nothing_more(text: str) -> None:
    assert typewritten(typewritten(text)) == typewritten(text)


@given(st.text(alphabet=sorted(BASIC | EXTENDED), max_size=200))
def test_length_counts_every_character_once_or_twice(text: str) -> None:
    length = sms_length(text)
    assert length is not None
    assert len(text) <= length <= 2 * len(text)
    assert length == len(text) + sum(character in EXTENDED for character in text)
    assert fits_one_sms(text) is (length <= ONE_SMS)


@given(st.text(alphabet=sorted(BASIC | EXTENDED - {"\f"}), max_size=200))
def test_what_the_alphabet_has_stays_as_it_is(text: str) -> None:
    assert typewritten(text) == text
