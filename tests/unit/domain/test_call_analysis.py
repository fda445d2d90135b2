from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.call_analysis import (
    FURTHEST,
    KEEN,
    MAX_QUOTES,
    MODERATE,
    SENTIMENTS,
    CallFindings,
    callee_turns,
    check,
    disposition,
)
from schema.contracts.outreach import Disposition

NOW = datetime(2026, 6, 3, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TALK = """AI: Hi, is this Maria? I'm calling from Ridgeline. Do you have a quick minute?
User: Sure, but make it quick.
AI: We provide exclusive leads, and if you would rather not hear from us I take you off our list.
User: How much does each lead cost? We tried Angi and
that was way too expensive for a small crew.
AI: Can we schedule 15 minutes this week?
User: Thursday at two works for me. How many other roofers get the same lead?
"""
FOUND = CallFindings(
    sentiment="positive",
    interest=80,
    wants_demo=True,
    demo_at=NOW + timedelta(days=1),
    objections=("We tried Angi and that was way too expensive",),
    questions=("How much does each lead cost?",),
    next_action="Book the demo",
    probability=60,
)


def rejected(transcript: str = TALK, **changes: Any) -> tuple[str, ...]:
    return check(replace(FOUND, **changes), transcript, NOW).rejected


def test_findings_that_the_transcript_bears_out_stay_as_they_are() -> None:
    checked = check(FOUND, TALK, NOW)
    assert checked.findings == FOUND
    assert checked.rejected == ()


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("interest", 0, 0),
        ("interest", 100, 100),
        ("interest", -1, None),
        ("interest", 101, None),
        ("interest", True, None),
        ("interest", 55.5, None),
        ("probability", 100, 100),
        ("probability", 101, None),
        ("sentiment", "very_negative", "very_negative"),
        ("sentiment", "ecstatic", None),
        ("demo_at", NOW + SECOND, NOW + SECOND),
        ("demo_at", NOW + FURTHEST, NOW + FURTHEST),
        ("demo_at", NOW + FURTHEST + SECOND, None),
        ("demo_at", NOW, None),
        ("demo_at", NOW - timedelta(days=365), None),
        ("demo_at", (NOW + timedelta(days=1)).replace(tzinfo=None), None),
    ],
)
def test_what_cannot_be_is_left_out_and_named(field: str, value: Any, kept: Any) -> None:
    checked = check(replace(FOUND, **{field: value}), TALK, NOW)
    assert getattr(checked.findings, field) == kept
    assert checked.rejected == (() if kept is not None else (field,))
    assert checked.findings == replace(FOUND, **{field: kept})


def test_what_was_not_claimed_is_not_rejected() -> None:
    assert check(CallFindings(), TALK, NOW).rejected == ()
    assert check(CallFindings(), "", NOW).rejected == ()


def test_a_naive_end_of_the_call_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        check(FOUND, TALK, NOW.replace(tzinfo=None))


LATER = NOW + timedelta(days=2)
NO_DEMO = {"wants_demo": False, "demo_at": None}


@pytest.mark.parametrize(
    ("claims", "true_after", "lost"),
    [
        ({"wants_callback": True, "callback_at": LATER}, {"wants_demo"}, ("wants_callback", "callback_at")),
        ({"not_interested": True}, {"not_interested"}, ("wants_demo", "interest", "demo_at")),
        ({"opted_out": True}, {"opted_out"}, ("wants_demo", "interest", "demo_at")),
        (
            {"opted_out": True, "not_interested": True, "interest": 5},
            {"opted_out", "not_interested"},
            ("wants_demo", "demo_at"),
        ),
        (
            {**NO_DEMO, "not_interested": True, "wants_callback": True, "callback_at": LATER},
            {"not_interested"},
            ("wants_callback", "interest", "callback_at"),
        ),
        ({"wants_demo": False, "wants_callback": True, "demo_at": None}, {"wants_callback"}, ()),
        ({"wants_demo": False}, set(), ("demo_at",)),
        ({**NO_DEMO, "not_interested": True, "interest": MODERATE}, {"not_interested"}, ("interest",)),
        ({**NO_DEMO, "not_interested": True, "interest": MODERATE - 1}, {"not_interested"}, ()),
    ],
)
def test_of_flags_that_contradict_each_other_the_more_cautious_holds(
    claims: dict[str, Any], true_after: set[str], lost: tuple[str, ...]
) -> None:
    checked = check(replace(FOUND, **claims), TALK, NOW)
    flags = ("opted_out", "not_interested", "wants_demo", "wants_callback")
    assert {flag for flag in flags if getattr(checked.findings, flag)} == true_after
    assert set(checked.rejected) == set(lost)


def test_nobody_who_said_nothing_agreed_to_anything() -> None:
    silent = "AI: Hi, is this Maria?\nAI: Hello?"
    checked = check(FOUND, silent, NOW)
    assert not checked.findings.wants_demo
    assert checked.findings.objections == ()
    assert set(checked.rejected) == {"interest", "wants_demo", "demo_at", "objections", "questions"}


@pytest.mark.parametrize(
    "words",
    [
        "Take me off your list.",
        "Yeah, don't call me again.",
        "Stop calling me!",
        "Look, please stop calling this number, okay?",
        "I told you already do not call me again",
        "No more calls.",
        "You people need to stop calling us",
        "We're on the do not call list",
        "Wrong number, sorry",
        "uh I don't want any more calls from you",
    ],
)
def test_an_opt_out_is_heard_even_where_the_model_did_not(words: str) -> None:
    checked = check(FOUND, f"{TALK}AI: Great.\nUser: {words}\nAI: Thank you.", NOW)
    assert checked.findings.opted_out
    assert not checked.findings.wants_demo
    assert "opted_out" not in checked.rejected
    assert disposition(checked.findings, answered=True) == "opted_out"


@pytest.mark.parametrize(
    "words",
    [
        "Don't stop, go on.",
        "We can't stop the leaks on that one",
        "Don't call me before nine",
        "Our customers don't call us back",
        "You can stop by the shop",
    ],
)
def test_what_only_sounds_like_an_opt_out_is_none(words: str) -> None:
    assert not check(FOUND, f"{TALK}User: {words}", NOW).findings.opted_out


def test_our_own_words_are_no_opt_out() -> None:
    ours = "AI: If you like I take you off our list. Just say stop calling me.\nUser: No, go on."
    assert not check(FOUND, ours, NOW).findings.opted_out
    assert check(FOUND, "Take me off your list.", NOW).findings.opted_out  # nobody's name on it: it may be theirs


def test_an_opt_out_that_only_the_model_heard_is_kept() -> None:
    assert check(replace(FOUND, opted_out=True), TALK, NOW).findings.opted_out


@pytest.mark.parametrize(
    ("quote", "kept"),
    [
        ("way too expensive for a small crew", True),
        ("WAY TOO EXPENSIVE!!", True),
        ("Angi was too expensive", True),
        ("They tried Angi; it was expensive for small crews", True),
        ("How many roofers get the same lead", True),
        ("Do you have references in Dallas?", False),
        ("exclusive leads", False),  # our words
        ("The contract term is too long", False),
        ("Angi charged us twice and never refunded the deposit", False),
        ("", False),
        ("?!", False),
        ("too expensive " * 30, False),
    ],
)
def test_a_quote_must_have_been_said_by_the_other_side(quote: str, kept: bool) -> None:
    for field in ("objections", "questions"):
        checked = check(replace(FOUND, **{field: (quote,)}), TALK, NOW)
        assert getattr(checked.findings, field) == ((quote,) if kept else ())
        assert checked.rejected == (() if kept else (field,))


def test_quotes_are_kept_once_and_not_without_end() -> None:
    assert check(replace(FOUND, questions=("How much?", "How much?")), "User: how much", NOW).findings.questions == (
        "How much?",
    )
    many = tuple(f"expensive crew {'!' * number}" for number in range(MAX_QUOTES + 3))
    assert len(check(replace(FOUND, objections=many), TALK, NOW).findings.objections) == MAX_QUOTES


@pytest.mark.parametrize(
    ("transcript", "turns"),
    [
        ("AI: Hi\nUser: Hello there\nAI: Bye", ("Hello there",)),
        ("assistant: Hi\nuser: Hello", ("Hello",)),
        ("Agent: Hi\nstill us\nCustomer: Hello\nstill them", ("Hello", "still them")),
        ("  BOT : Hi\n\n  Human:  Hello  ", ("Hello",)),
        ("no label at all", ("no label at all",)),
        ("AI: Hi\nUser:\nUser:   ", ()),
        ("", ()),
    ],
)
def test_who_said_what(transcript: str, turns: tuple[str, ...]) -> None:
    assert callee_turns(transcript) == turns


@pytest.mark.parametrize(
    ("found", "answered", "expected"),
    [
        (CallFindings(), False, "no_answer"),
        (CallFindings(interest=90, wants_demo=True), False, "no_answer"),
        (CallFindings(opted_out=True), False, "opted_out"),
        (CallFindings(), True, "unclear"),
        (CallFindings(opted_out=True, not_interested=True), True, "opted_out"),
        (CallFindings(not_interested=True, interest=90), True, "not_interested"),
        (CallFindings(wants_demo=True, interest=10), True, "wants_demo"),
        (CallFindings(wants_callback=True, interest=90), True, "wants_callback"),
        (CallFindings(wants_callback=True), True, "wants_callback"),
        (CallFindings(interest=KEEN), True, "wants_demo"),
        (CallFindings(interest=KEEN - 1), True, "moderate"),
        (CallFindings(interest=MODERATE), True, "moderate"),
        (CallFindings(interest=MODERATE - 1), True, "unclear"),
        (CallFindings(interest=0, sentiment="very_negative"), True, "unclear"),
    ],
)
def test_what_follows_from_a_call(found: CallFindings, answered: bool, expected: str) -> None:
    assert disposition(found, answered) == expected


claims = st.builds(
    CallFindings,
    sentiment=st.one_of(st.none(), st.sampled_from(SENTIMENTS), st.text(max_size=5)),
    interest=st.one_of(st.none(), st.integers(-50, 150)),
    wants_demo=st.booleans(),
    demo_at=st.one_of(st.none(), st.integers(-90, 90).map(lambda days: NOW + timedelta(days=days))),
    wants_callback=st.booleans(),
    callback_at=st.one_of(st.none(), st.integers(-90, 90).map(lambda days: NOW + timedelta(days=days))),
    not_interested=st.booleans(),
    opted_out=st.booleans(),
    objections=st.lists(st.sampled_from(["too expensive", "no time", "How much", ""]), max_size=3).map(tuple),
    questions=st.lists(st.text(max_size=30), max_size=3).map(tuple),
    next_action=st.one_of(st.none(), st.text(max_size=400)),
    probability=st.one_of(st.none(), st.integers(-50, 150)),
)


@given(claims, st.sampled_from([TALK, "", "User: take me off your list", "AI: hello"]), st.booleans())
def test_whatever_a_model_claims_comes_out_possible(found: CallFindings, transcript: str, answered: bool) -> None:
    checked = check(found, transcript, NOW)
    kept = checked.findings
    assert check(kept, transcript, NOW).findings == kept
    assert check(kept, transcript, NOW).rejected == ()
    assert sum((kept.opted_out or kept.not_interested, kept.wants_demo, kept.wants_callback)) <= 1
    for number in (kept.interest, kept.probability):
        assert number is None or 0 <= number <= 100
    for wanted, at in ((kept.wants_demo, kept.demo_at), (kept.wants_callback, kept.callback_at)):
        assert at is None or (wanted and NOW < at <= NOW + FURTHEST)
    assert set(checked.rejected) <= set(CallFindings.__dataclass_fields__)
    came_to = Disposition(disposition(kept, answered))
    if kept.opted_out:
        assert came_to is Disposition.OPTED_OUT
