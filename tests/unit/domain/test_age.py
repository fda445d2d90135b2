from datetime import date, timedelta

import pytest

from domain.age import RoofPermit, roof_age

TODAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("permits", "built", "years", "source"),
    [
        ([], None, None, None),
        ([], 2001, 25, "year_built"),
        ([], 1890, 40, "year_built"),
        ([], 2027, None, None),
        ([RoofPermit(date(2014, 5, 1), date(2014, 6, 1))], 1980, 12, "permit"),
        ([RoofPermit(date(2014, 5, 1))], 1980, 12, "permit"),
        ([RoofPermit(date(2005, 1, 1)), RoofPermit(date(2019, 1, 1))], 1980, 7, "permit"),
        ([RoofPermit(TODAY - timedelta(days=180))], 1999, 27, "year_built"),
        ([RoofPermit(TODAY - timedelta(days=181))], 1999, 0, "permit"),
        ([RoofPermit(TODAY - timedelta(days=20), TODAY - timedelta(days=5))], 1999, 0, "permit"),
        ([RoofPermit(TODAY, TODAY + timedelta(days=5))], 1999, 27, "year_built"),
    ],
)
def test_roof_age(permits: list[RoofPermit], built: int | None, years: int | None, source: str | None) -> None:
    age = roof_age(permits, built, TODAY)
    assert (age.years, age.source) == (years, source)
    assert age.evidence
