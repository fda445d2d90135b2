"""What contractors read: the preview of spec 6.4 and what CAN-SPAM asks for, nothing more."""

from decimal import Decimal
from uuid import UUID

import pytest

from activities.messaging.delivery import preview_of
from activities.messaging.letters import UNSUBSCRIBE_TAG, LeadPreview, Letters, Sender, dollars
from schema.tables import BaseLead, RoofAnalysis

LEAD = UUID("5d1f2c9e-8f4b-5a51-9d0e-6c7f3f1a2b3c")
SENDER = Sender("Ridgeline", "leads@ridgeline.example", "100 Example Street, Austin, TX 78701", "https://app.example/")
PREVIEW = LeadPreview(LEAD, "Falcon Ridge Dr", "Austin", "TX", "$300K-$500K", 85, "B", Decimal("125.00"), "poor")


def bodies(preview: LeadPreview = PREVIEW) -> tuple[str, str]:
    letter = Letters(SENDER).new_lead(preview)
    return letter.text, letter.html


def test_subject_says_what_it_is() -> None:
    assert Letters(SENDER).new_lead(PREVIEW).subject == "New roofing lead in Austin, TX: poor roof, score 85 (B)"


@pytest.mark.parametrize("body", bodies(), ids=["text", "html"])
@pytest.mark.parametrize(
    "said",
    [
        "Falcon Ridge Dr", "Austin", "$300K-$500K", "85 of 100", "grade B", "$125", "poor",
        f"https://app.example/leads/{LEAD}", SENDER.postal_address, UNSUBSCRIBE_TAG, SENDER.email,
    ],
)  # fmt: skip
def test_both_bodies_say_it(body: str, said: str) -> None:
    assert said in body


def test_what_is_not_known_is_left_out() -> None:
    preview = LeadPreview(LEAD, "Falcon Ridge Dr", "Austin", "TX", None, 62, "D", Decimal(40), None)
    letter = Letters(SENDER).new_lead(preview)
    assert letter.subject == "New roofing lead in Austin, TX: score 62 (D)"
    assert "None" not in letter.subject + letter.text + letter.html
    assert "condition" not in letter.text
    assert "\n\n\n" not in letter.text


def test_html_is_escaped() -> None:
    preview = LeadPreview(LEAD, "<script>alert(1)</script>", "Austin", "TX", None, 62, "D", Decimal(40), None)
    assert "<script>" not in Letters(SENDER).new_lead(preview).html


def test_preview_hides_house_number_and_owner() -> None:
    lead = BaseLead(
        id=LEAD, address="5312 FALCON RIDGE DR APT 4", city="AUSTIN", state="TX", owner_name="Jo Hidden",
        property_value=Decimal(412000), quality_score=85, grade="B", price=Decimal("125.00"),
    )  # fmt: skip
    preview = preview_of(lead, RoofAnalysis(base_lead_id=LEAD, overall_condition="poor"))
    assert preview == PREVIEW
    text, html = bodies(preview)
    for secret in ("5312", "Hidden", "412000", "412,000", "Apt"):
        assert secret not in text
        assert secret not in html


@pytest.mark.parametrize(("amount", "shown"), [("125.00", "$125"), ("1250", "$1,250"), ("99.5", "$99.50"), ("0", "$0")])
def test_dollars(amount: str, shown: str) -> None:
    assert dollars(Decimal(amount)) == shown


def test_unsubscribe_link_names_nobody() -> None:
    url = Letters(SENDER).unsubscribe_url(LEAD)
    assert url == f"https://app.example/unsubscribe/{LEAD}"
