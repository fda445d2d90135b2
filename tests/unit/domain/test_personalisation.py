import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.personalisation import LONGEST, SHORTEST, Refused, check_paragraph

FACTS = {
    "company": "Lone Star Roofing & Gutters",
    "city": "Fort Worth",
    "state": "TX",
    "years in business": "15",
    "services": "roof repair, metal roofs, storm restoration",
    "certifications": "GAF Master Elite",
    "rating": "4.8 of 5",
    "reviews": "1,250",
    "monthly price": "$499",
    "share of jobs": "30%",
    "website": "https://www.lonestarroofing.com/about",
    "email": "office@lonestarroofing.com",
    "phone": "(817) 555-0143",
    "motto": "Honest roofs, honest prices",
}

FINE = [
    "Storm restoration is a good part of what you do in Fort Worth, and leads from hail reports may suit it well.",
    "With 15 years in business and a 4.8 rating, Lone Star Roofing may be just the crew that owners look for.",
    "Lone Star Roofing & Gutters has 1,250 reviews in Fort Worth. Owners there compare roofers by what others say.",
    "Your 1250 reviews in Fort Worth speak for themselves, and new leads could add to them.",
    "Lone Star Roofing's work on metal roofs could match owners in Fort Worth who plan a replacement.",
    "As a GAF Master Elite contractor, you may prefer leads where the owner wants the work done well.",
    "Leads start at $499 a month, and about 30% of jobs in the area come from them.",
    "Leads cost 499 dollars a month, which may suit a crew that repairs roofs in Fort Worth.",
    "About 30 percent of the jobs come from storm work, so leads after hail may help a crew like yours.",
    "I saw that you repair roofs in Fort Worth, TX. We'd like to show you leads from there.",
    "Fifteen years in Fort Worth is a long time; leads from there could keep a good crew busy.",
    "You can see what we mean at lonestarroofing.com/about, where storm work comes first.",
    "Owners may reach you at office@lonestarroofing.com or 817-555-0143 when a lead fits.",
    'Owners in Fort Worth may like "Honest roofs, honest prices" when they compare roofers.',
    "“Honest roofs, honest prices” – that’s what owners in Fort Worth may be looking for…",
]


@pytest.mark.parametrize("text", FINE)
def test_paragraphs_that_say_only_what_is_known(text: str) -> None:
    assert check_paragraph(text, FACTS) is None


REFUSED = [
    ("", Refused.TOO_SHORT),
    ("Leads may suit you.", Refused.TOO_SHORT),
    ("Leads in your city may suit a crew well. " * 13, Refused.TOO_LONG),
    ("Leads in Fort Worth may suit your crew.\nThey come from hail reports.", Refused.NOT_ONE_PARAGRAPH),
    ("Leads in Fort Worth may suit your crew.\u2028They come from hail reports.", Refused.NOT_ONE_PARAGRAPH),
    ("Leads in Fort Worth may suit your crew well 🏠.", Refused.STRANGE_CHARACTERS),
    ("Leads in Fort Worth may suit\u200b your crew well.", Refused.STRANGE_CHARACTERS),
    ("Leads in Fort Worth may suit\x00 your crew well.", Refused.STRANGE_CHARACTERS),
    ("Leads in Fort Worth may suit your сrew well.", Refused.STRANGE_CHARACTERS),  # a Cyrillic letter
    ("Leads in <b>Fort Worth</b> may suit your crew well.", Refused.MARKUP),
    ("Leads in **Fort Worth** may suit your crew well.", Refused.MARKUP),
    ("Leads in {{ city }} may suit your crew well, we think.", Refused.MARKUP),
    ("Leads in [City] may suit your crew well, we think.", Refused.MARKUP),
    ("Leads in Fort Worth &amp; around may suit your crew.", Refused.MARKUP),
    ("- Leads in Fort Worth may suit your crew well.", Refused.MARKUP),
    ("1. Leads in Fort Worth may suit your crew well.", Refused.MARKUP),
    ("`Leads` in Fort Worth may suit your crew well today.", Refused.MARKUP),
    ("Hi there, leads in Fort Worth may suit your crew well.", Refused.GREETING),
    ("Dear Lone Star Roofing, leads may suit your crew well.", Refused.GREETING),
    ("Good morning! Leads in Fort Worth may suit your crew.", Refused.GREETING),
    ("Here is a paragraph: leads may suit your crew in Fort Worth.", Refused.GREETING),
    ("Leads in Fort Worth may suit your crew. Best regards", Refused.GREETING),
    ("We guarantee leads in Fort Worth that suit your crew.", Refused.PROMISE),
    ("Leads in Fort Worth, guaranteed to suit your crew well.", Refused.PROMISE),
    ("You get a free lead in Fort Worth that suits your crew.", Refused.PROMISE),
    ("A risk-free way to leads in Fort Worth for your crew.", Refused.PROMISE),
    ("We promise that leads in Fort Worth suit your crew.", Refused.PROMISE),
    ("Leads in Fort Worth will grow your business every year.", Refused.PROMISE),
    ("You'll close more jobs in Fort Worth with better leads.", Refused.PROMISE),
    ("Leads in Fort Worth with a money-back offer for your crew.", Refused.PROMISE),
    ("Leads in Fort Worth, but hurry, they go to the first crew.", Refused.PROMISE),
    ("Leads in Fort Worth at the lowest price for your crew.", Refused.PROMISE),
    ("As we discussed, leads in Fort Worth may suit your crew.", Refused.FALSE_HISTORY),
    ("Following up on leads in Fort Worth that may suit you.", Refused.FALSE_HISTORY),
    ("Leads in Fort Worth may suit you, as our last call showed.", Refused.FALSE_HISTORY),
    ("Since you asked about leads in Fort Worth, they may suit you.", Refused.FALSE_HISTORY),
    ("It is about time: thank you for looking at leads in Fort Worth.", Refused.FALSE_HISTORY),
    ("Write to sales@ridgeline.com about leads in Fort Worth.", Refused.UNKNOWN_EMAIL),
    ("See https://ridgeline.com/leads for leads in Fort Worth.", Refused.UNKNOWN_LINK),
    ("See ridgeline.io for leads in Fort Worth that may suit you.", Refused.UNKNOWN_LINK),
    ("See lonestarroofing.com/leads for leads that may suit you.", Refused.UNKNOWN_LINK),
    ("Call 817-555-0199 about leads in Fort Worth for your crew.", Refused.UNKNOWN_PHONE),
    ("Call +1 (214) 555-0100 about leads in Fort Worth, please.", Refused.UNKNOWN_PHONE),
    ("We have 40 leads in Fort Worth that may suit your crew.", Refused.UNKNOWN_NUMBER),
    ("With 16 years in business, you know roofs in Fort Worth.", Refused.UNKNOWN_NUMBER),
    ("About 15% of roofs in Fort Worth may need your crew.", Refused.UNKNOWN_NUMBER),  # 15 is years
    ("A lead in Fort Worth costs $15 and may suit your crew.", Refused.UNKNOWN_NUMBER),
    ("A lead in Fort Worth costs $499K for a crew like yours.", Refused.UNKNOWN_NUMBER),
    ("Your 1,2500 reviews in Fort Worth speak for your crew.", Refused.UNKNOWN_NUMBER),
    ("Your 125 reviews in Fort Worth speak for your good crew.", Refused.UNKNOWN_NUMBER),
    ("Your 4.9 rating in Fort Worth speaks for your good crew.", Refused.UNKNOWN_NUMBER),
    ("We have forty leads in Fort Worth that may suit your crew.", Refused.UNKNOWN_NUMBER),
    ("We have dozens of leads in Fort Worth that may suit you.", Refused.UNKNOWN_NUMBER),
    ("Crews in Fort Worth closed 2x more jobs with our leads.", Refused.UNKNOWN_NUMBER),
    ("Crews in Fort Worth had twice the jobs with our leads.", Refused.UNKNOWN_NUMBER),
    ("Half of the roofs in Fort Worth are old, which may suit you.", Refused.UNKNOWN_NUMBER),
    ("Leads are here 24/7 in Fort Worth and may suit your crew.", Refused.UNKNOWN_NUMBER),
    ("Leads ٤٠ in Fort Worth may suit your crew, we think.", Refused.UNKNOWN_NUMBER),
    ('Owners in Fort Worth say "the best roofer in town" of you.', Refused.UNKNOWN_QUOTE),
    ('Owners in Fort Worth may like "Honest roofs when they look.', Refused.UNKNOWN_QUOTE),
    ("Leads in Dallas may suit a crew like yours very well.", Refused.UNKNOWN_NAME),
    ("Crews such as Acme in Fort Worth may use leads like these.", Refused.UNKNOWN_NAME),
    ("Acme in Fort Worth uses leads like these to fill its weeks.", Refused.UNKNOWN_NAME),
    ("Leads are better here than on HomeAdvisor, in Fort Worth.", Refused.UNKNOWN_NAME),
    ("Maria, leads in Fort Worth may suit your crew very well.", Refused.UNKNOWN_NAME),
    ("Leads in Fort Worth come with BBB accreditation for crews.", Refused.UNKNOWN_NAME),
    ("Leads in FORT WORTH may suit YOUR crew very well indeed.", Refused.UNKNOWN_NAME),
    ("Leads in Fort Worth may suit your crew in March or April.", Refused.UNKNOWN_NAME),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_paragraphs_that_are_refused(text: str, reason: Refused) -> None:
    assert check_paragraph(text, FACTS) == reason.value


def test_length_has_two_ends() -> None:
    for length, reason in ((SHORTEST - 1, "too_short"), (SHORTEST, None), (LONGEST, None), (LONGEST + 1, "too_long")):
        assert check_paragraph("a" + "a" * (length - 1), FACTS) == reason


def test_without_facts_nothing_specific_may_be_said() -> None:
    assert check_paragraph("Leads after a storm may suit a crew that repairs roofs.", {}) is None
    assert check_paragraph("Leads in Austin may suit a crew that repairs roofs.", {}) == Refused.UNKNOWN_NAME


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.sampled_from(["{}", "${}", "{}%", "{} percent", "{:,}"]))
def test_a_number_passes_exactly_when_it_is_a_fact(stated: int, known: int, form: str) -> None:
    text = f"Leads may suit your crew, given a count of {form.format(stated)} in all of the area."
    facts = {"count": form.format(known)}
    reason = check_paragraph(text, facts)
    assert (reason is None) is (stated == known)


names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=10).map(lambda word: "Q" + word)


@given(names, names)
def test_a_name_passes_exactly_when_it_is_a_fact(said: str, known: str) -> None:
    text = f"Leads may suit your crew, much as they suit {said} in the same area."
    assert (check_paragraph(text, {"company": known}) is None) is (said == known)


@given(st.text(max_size=600), st.dictionaries(st.text(max_size=5), st.text(max_size=40), max_size=4))
def test_any_text_has_one_answer(text: str, facts: dict[str, str]) -> None:
    reason = check_paragraph(text, facts)
    assert reason is None or reason in set(Refused)
    assert reason == check_paragraph(text, facts)
