import pytest

from domain.contact_points import us_phone


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("(512) 555-0123", "+15125550123"),
        ("512.555.0123", "+15125550123"),
        ("+1 512 555 0123", "+15125550123"),
        ("555-0123", None),
        ("512-555-01", None),
        ("(012) 555-0123", None),
        ("+44 20 7946 0123", None),
        ("unlisted", None),
        ("", None),
        (None, None),
    ],
)
def test_a_valid_us_number_gets_one_form(text: str | None, number: str | None) -> None:
    assert us_phone(text) == number
