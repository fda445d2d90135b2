"""Reading vendors' deliveries: nothing they hold is a failure, and the same delivery always reads the same."""

import email
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.inbox import readers
from activities.inbox.processing import HANDLERS
from schema.contracts.inbox import Fact, FactKind
from schema.repositories.inbox import Incoming, storable
from schema.repositories.responses import STATUS_RANK
from schema.tables.contractors import TOUCHPOINT_STATUSES

NOW = datetime(2026, 6, 1, 15, tzinfo=UTC)
SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "specs" / "sendgrid" / "inbound_samples"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=15,
)
NAMES = st.sampled_from(
    (
        "event",
        "sg_event_id",
        "email",
        "timestamp",
        "touchpoint_id",
        "reason",
        "type",
        "message",
        "call",
        "id",
        "status",
        "payload",
        "uri",
        "tracking",
        "scheduled_event",
        "start_time",
        "created_at",
        "call_id",
        "metadata",
        "completed",
        "artifact",
        "transcript",
        "startedAt",
        "endedAt",
        "cost",
        "call_length",
        "utm_content",
    )
)
WORDS = st.sampled_from(
    (
        "bounce",
        "open",
        "dropped",
        "end-of-call-report",
        "status-update",
        "ended",
        "invitee.created",
        "invitee_no_show.created",
        "c1",
        "a@b.example",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-06-01T10:00:00Z",
    )
)
SHAPED = st.recursive(
    JSON | WORDS,
    lambda inner: st.dictionaries(NAMES, inner, max_size=8) | st.lists(inner, max_size=3),
    max_leaves=25,
)


@pytest.mark.parametrize("read", list(readers.BODY_READERS.values()), ids=list(readers.BODY_READERS))
@given(body=st.binary(max_size=200) | SHAPED.map(lambda value: json.dumps(value).encode()))
def test_any_body_reads_as_facts_that_can_be_stored(
    read: Callable[[bytes, datetime], list[Incoming]], body: bytes
) -> None:
    first, second = read(body, NOW), read(body, NOW)
    assert first == second
    for incoming in first:
        assert 0 < len(incoming.event_id) <= 255
        assert incoming.event_id.isascii() and incoming.event_id.isprintable()
        stored = incoming.fact.model_dump(mode="json", exclude_defaults=True)
        assert Fact.model_validate(json.loads(json.dumps(stored))) == incoming.fact
        assert incoming.fact.at <= NOW
        assert incoming.fact.kind in HANDLERS


FIELDS = st.sampled_from(
    (
        "from",
        "to",
        "cc",
        "text",
        "html",
        "headers",
        "envelope",
        "subject",
        "MessageSid",
        "From",
        "Body",
        "MessageStatus",
        "ErrorCode",
        "OptOutType",
    )
)
FORMS = st.lists(st.tuples(FIELDS, st.text(max_size=60) | WORDS), max_size=10)


@given(form=FORMS)
def test_any_form_reads_as_facts(form: list[tuple[str, str]]) -> None:
    for incoming in (
        *readers.sendgrid_inbound(form, NOW),
        *readers.twilio_inbound(form, NOW),
        *readers.twilio_status(form, {"touchpoint": "x"}, NOW),
    ):
        assert 0 < len(incoming.event_id) <= 255
        assert "\x00" not in json.dumps(incoming.fact.model_dump(mode="json"))


def event(name: str, minutes: int = 0, **more: object) -> dict[str, object]:
    at = NOW + timedelta(minutes=minutes)
    return {"event": name, "sg_event_id": uuid4().hex, "timestamp": at.timestamp(), "email": "a@b.example", **more}


def test_a_batch_reads_the_same_in_every_order() -> None:
    batch = [event("open", -5), event("bounce", -3, type="bounce"), event("delivered", -6), event("click", -4)]
    read = [readers.sendgrid_events(json.dumps(order).encode(), NOW) for order in permutations(batch)]
    assert len({frozenset((each.event_id, each.fact.kind, each.fact.at) for each in facts) for facts in read}) == 1
    urgent = readers.by_urgency(readers.sendgrid_events(json.dumps(batch).encode(), NOW))
    assert [each.fact.kind for each in urgent] == [
        FactKind.BOUNCED,
        FactKind.DELIVERED,
        FactKind.OPENED,
        FactKind.CLICKED,
    ]


def test_a_vendors_clock_is_believed_within_reason() -> None:
    ahead, old, in_milliseconds, fine = (
        event("open", 60),
        event("open", timestamp=12),
        event("open", timestamp=(NOW - timedelta(hours=1)).timestamp() * 1000),
        event("open", -30),
    )
    read = [
        readers.sendgrid_events(json.dumps([each]).encode(), NOW)[0].fact.at
        for each in (ahead, old, in_milliseconds, fine)
    ]
    assert read == [NOW, NOW, NOW - timedelta(hours=1), NOW - timedelta(minutes=30)]


def test_the_token_is_found_wherever_the_mail_was_sent() -> None:
    token = uuid4()
    address = f"Ridgeline <Reply+{token.hex.upper()}@reply.ridgeline.example>"
    for form in (
        {"to": address},
        {"to": "x@y.example", "cc": address},
        {"envelope": json.dumps({"to": [address], "from": "a@b.example"})},
    ):
        (incoming,) = readers.sendgrid_inbound(form.items(), NOW)
        assert incoming.fact.tokens == (token,)


def test_mail_without_plain_text_is_read_from_its_html_without_the_quotation() -> None:
    html = "<p>Yes, <b>interested</b></p><blockquote>Stop writing to us? unsubscribe</blockquote><script>x</script>"
    (incoming,) = readers.sendgrid_inbound({"from": "a@b.example", "html": html}.items(), NOW)
    assert (incoming.fact.text or "").split() == ["Yes,", "interested"]


def test_mail_without_an_id_is_known_by_what_it_says() -> None:
    form = {"from": "a@b.example", "to": "x@y.example", "text": "Hello"}
    first, again = [readers.sendgrid_inbound(form.items(), NOW)[0].event_id for _ in range(2)]
    (other,) = readers.sendgrid_inbound({**form, "text": "Hello?"}.items(), NOW)
    assert first == again != other.event_id


@pytest.mark.skipif(
    not SAMPLES.is_dir(),
    reason="reads SendGrid's own samples from ../shared/data, which are not ours to ship; the other tests read our own",
)
def test_sendgrids_published_sample_is_read() -> None:
    message = b"Content-Type: multipart/form-data; boundary=xYzZY\n\n" + (SAMPLES / "default_data.txt").read_bytes()
    form = [
        (str(part.get_param("name", header="content-disposition")), str(part.get_payload()))
        for part in email.message_from_bytes(message).walk()
        if not part.is_multipart()
    ]
    (incoming,) = readers.sendgrid_inbound(form, NOW)
    assert (incoming.fact.address, (incoming.fact.text or "").strip()) == ("test@example.com", "Hello Twilio SendGrid!")
    assert not incoming.fact.automatic


def test_what_cannot_be_stored_is_made_storable() -> None:
    assert storable({"a\x00": ["\ud800", {"b": "x\x00y"}, 3, None]}) == {"a": ["?", {"b": "xy"}, 3, None]}


def test_every_status_has_its_rank_and_answers_stand_highest() -> None:
    assert set(STATUS_RANK) == set(TOUCHPOINT_STATUSES)
    order = ["scheduled", "sent", "failed", "delivered", "opened", "clicked", "bounced", "replied"]
    assert all(STATUS_RANK[lower] < STATUS_RANK[higher] for lower, higher in pairwise(order))


def test_every_kind_of_fact_is_dealt_with() -> None:
    assert set(HANDLERS) == set(FactKind)


def test_a_fact_shows_nobody_in_its_repr() -> None:
    fact = Fact(kind=FactKind.REPLY, at=NOW, address="a@b.example", text="words", subject="words", external_id="words")
    assert "words" not in repr(fact)
    assert "a@b.example" not in repr(fact)
