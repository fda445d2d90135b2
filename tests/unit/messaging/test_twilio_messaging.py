"""Every failure of a text says whether it may have gone out, and never to whom; look-ups speak our words."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from activities.effects import Meaning, meaning_of
from integrations.http import (
    ApiCall,
    VendorError,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
)
from integrations.twilio_http import TwilioRejected
from integrations.twilio_messaging import LINE_TYPES, LineType, Sms, TwilioMessaging
from schema.tables.contractors import PHONE_KINDS
from tests.support.wire import Reply, Request, Wire

SID = "AC" + "0a" * 16
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
TEXT = Sms(
    "touch-1", "+15125550183", "Ridgeline: https://r.example/t/1 Reply STOP to stop", NOW, "https://r.example/s?t=1"
)
MESSAGES = f"/2010-04-01/Accounts/{SID}/Messages.json"


def message(number: int = 1, body: str = TEXT.body, created: datetime = NOW, **other: Any) -> dict[str, Any]:
    made = {"sid": f"SM{number:032d}", "body": body, "num_segments": "1", "date_created": format_datetime(created)}
    return {**made, "to": TEXT.to, "from": "+12025550142", "status": "queued", **other}


def says(document: Any, status: int = 200, **other: Any) -> Reply:
    return Reply(status, json.dumps(document).encode(), **other)


class Account:
    """A client with the calls it booked, talking to a server that says one thing."""

    def __init__(self, url: str, timeout: float = 5, token: str = "token") -> None:
        self.booked: list[ApiCall] = []
        self.texts = TwilioMessaging(
            account_sid=SID, auth_token=token, sender="+12025550142", base_url=url, lookups_base_url=f"{url}/lookups",
            timeout=timeout, meter=self._book,
        )  # fmt: skip

    async def _book(self, call: ApiCall) -> None:
        self.booked.append(call)

    async def fails(self) -> VendorError:
        with pytest.raises(VendorError) as failure:
            await self.texts.send(TEXT)
        error = failure.value
        (call,) = self.booked
        assert call.error == str(error)
        assert call.cost == 0
        assert not [word for word in (TEXT.to, TEXT.to[1:], TEXT.body, "http") if word in str(error)]
        # Temporal writes down what an error was raised from, and that may quote the request.
        assert error.__cause__ is None
        return error


@pytest.fixture(scope="module")
def server() -> Iterator[Wire]:
    """One server for all: starting one takes longer than most tests."""
    with Wire(always(Reply())) as server:
        yield server


@pytest.fixture
def wire(server: Wire) -> Wire:
    """The server, asked nothing yet."""
    server.says(always(Reply()))
    return server


def always(reply: Reply) -> Callable[[Request], Reply]:
    return lambda _: reply


async def test_a_text_goes_out_once_and_costs_its_parts(wire: Wire) -> None:
    wire.says(always(says(message(num_segments="2"), 201)))
    account = Account(wire.url)
    assert await account.texts.send(TEXT) == f"SM{1:032d}"
    (request,) = wire.requests
    assert (request.method, request.path) == ("POST", MESSAGES)
    assert request.form == {
        "To": TEXT.to, "From": "+12025550142", "Body": TEXT.body, "StatusCallback": "https://r.example/s?t=1",
        "ValidityPeriod": "600",
    }  # fmt: skip
    (call,) = account.booked
    assert (call.vendor, call.operation, call.status, call.cost) == ("twilio", "send", 201, Decimal("0.0158"))


GARBAGE = [b"", b"{", b"[]", b"null", b"\x00\xff", b'{"sid": 7}', b'{"sid": "SM1"}', b'"text"']
ERRORS: list[tuple[Reply, type[VendorError], Meaning]] = [
    (says({"code": 21211, "message": f"The 'To' number {TEXT.to} is not valid"}, 400), TwilioRejected, Meaning.REFUSED),
    (says({"code": 21610, "message": "unsubscribed"}, 400), TwilioRejected, Meaning.REFUSED),
    (says({"code": 20003, "message": "Authenticate"}, 401), TwilioRejected, Meaning.DID_NOTHING),
    (Reply(403, b"<html>"), TwilioRejected, Meaning.DID_NOTHING),
    (says({"code": 20404}, 404), TwilioRejected, Meaning.DID_NOTHING),
    (Reply(302, headers=(("location", "/elsewhere"),)), TwilioRejected, Meaning.REFUSED),
    (says({"code": 20429}, 429, headers=(("retry-after", "7"),)), VendorNotReached, Meaning.DID_NOTHING),
    (Reply(500, b"oops"), VendorUnavailable, Meaning.UNCLEAR),
    (Reply(503), VendorUnavailable, Meaning.UNCLEAR),
    (says(message(), 201, cut=5), VendorUnavailable, Meaning.UNCLEAR),
    *((Reply(201, body), VendorUnreadable, Meaning.UNCLEAR) for body in GARBAGE),
]


@pytest.mark.parametrize(("reply", "kind", "meaning"), ERRORS, ids=lambda value: repr(value)[:60])
async def test_what_an_answer_means(wire: Wire, reply: Reply, kind: type[VendorError], meaning: Meaning) -> None:
    wire.says(always(reply))
    account = Account(wire.url)
    error = await account.fails()
    assert type(error) is kind
    assert meaning_of(error) is meaning
    assert account.booked[0].status == reply.status or reply.cut
    assert len(wire.requests) == 1


async def test_a_number_that_said_stop_is_told_apart(wire: Wire) -> None:
    wire.says(always(says({"code": 21610, "message": "unsubscribed"}, 400)))
    error = await Account(wire.url).fails()
    assert isinstance(error, TwilioRejected)
    assert (error.code, error.unsubscribed, error.status) == (21610, True, 400)
    assert not TwilioRejected("send", 400, 21211).unsubscribed
    assert not TwilioRejected("send", 400, None).unsubscribed


async def test_throttling_says_how_long_to_wait(wire: Wire) -> None:
    wire.says(always(Reply(429, headers=(("retry-after", "7"),))))
    error = await Account(wire.url).fails()
    assert isinstance(error, VendorUnavailable)
    assert error.retry_after == 7


async def test_nobody_there_means_nothing_was_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await Account(f"http://127.0.0.1:{unused.getsockname()[1]}").fails()
    assert type(error) is VendorNotReached


async def test_an_unknown_host_means_nothing_was_sent() -> None:
    assert type(await Account("http://nobody.invalid").fails()) is VendorNotReached


async def test_silence_may_mean_anything() -> None:
    """The connection is taken and never answered: the text may have gone out."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = await Account(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2).fails()
    assert type(error) is VendorUnavailable
    assert meaning_of(error) is Meaning.UNCLEAR


async def test_a_line_cut_after_the_request_may_mean_anything() -> None:
    with socket.socket() as cutting:
        cutting.bind(("127.0.0.1", 0))
        cutting.listen()

        def cut() -> None:
            line, _ = cutting.accept()
            line.recv(10_000)
            line.close()

        thread = threading.Thread(target=cut)
        thread.start()
        error = await Account(f"http://127.0.0.1:{cutting.getsockname()[1]}").fails()
        thread.join()
    assert type(error) is VendorUnavailable


async def test_without_an_account_nothing_is_asked(wire: Wire) -> None:
    wire.says(always(Reply()))
    error = await Account(wire.url, token="").fails()
    assert isinstance(error, VendorRejected)
    assert meaning_of(error) is Meaning.DID_NOTHING
    assert wire.requests == []


def page(messages: list[dict[str, Any]], following: str | None = None) -> Reply:
    return says({"messages": messages, "next_page_uri": following, "page": 0, "page_size": 50, "uri": MESSAGES})


FOUND = [
    ([message(1)], 1),
    ([message(2, "other"), message(1)], 1),
    ([message(1, created=NOW - timedelta(minutes=4))], 1),
    ([], None),
    ([message(1, TEXT.body + " ")], None),
    ([message(1, TEXT.body.lower())], None),
    ([message(1, created=NOW - timedelta(minutes=6))], None),
    ([message(2, "other", NOW - timedelta(days=1)), message(1)], None),
    ([message(1, date_created=None)], 1),
]


@pytest.mark.parametrize(("messages", "number"), FOUND)
async def test_a_text_is_found_by_its_words(wire: Wire, messages: list[dict[str, Any]], number: int | None) -> None:
    wire.says(always(page(messages)))
    account = Account(wire.url)
    assert await account.texts.find(TEXT) == (f"SM{number:032d}" if number else None)
    (request,) = wire.requests
    assert (request.method, request.path) == ("GET", MESSAGES)
    assert request.parameters["To"] == TEXT.to
    assert request.parameters["From"] == "+12025550142"
    assert account.booked[0].cost == 0


async def test_later_pages_are_read_too(wire: Wire) -> None:
    def answer(request: Request) -> Reply:
        if "PageToken" in request.query:
            return page([message(1)])
        return page([message(2, "other")], f"{MESSAGES}?Page=1&PageSize=50&PageToken=PA1")

    wire.says(answer)
    assert await Account(wire.url).texts.find(TEXT) == f"SM{1:032d}"
    assert len(wire.requests) == 2


@pytest.mark.parametrize("reply", [Reply(500), Reply(429), Reply(200, b"{"), Reply(200, b"{}"), Reply(404), Reply(204)])
async def test_not_being_able_to_search_is_not_finding_nothing(wire: Wire, reply: Reply) -> None:
    wire.says(always(reply))
    with pytest.raises(VendorError) as failure:
        await Account(wire.url).texts.find(TEXT)
    assert TEXT.to not in str(failure.value)


UNKNOWN = [(theirs, LineType.UNKNOWN) for theirs in ("premium", "unknown", None, "brandNew")]
LINES: list[tuple[str | None, LineType]] = [*LINE_TYPES.items(), *UNKNOWN]


@pytest.mark.parametrize(("theirs", "ours"), LINES)
async def test_lines_in_our_words(wire: Wire, theirs: str | None, ours: LineType) -> None:
    answer = {"valid": True, "line_type_intelligence": {"type": theirs, "error_code": None}}
    wire.says(always(says(answer)))
    account = Account(wire.url)
    assert await account.texts.lookup("+15125550183") is ours
    (request,) = wire.requests
    assert request.path == "/lookups/v2/PhoneNumbers/+15125550183"
    assert request.parameters == {"Fields": "line_type_intelligence"}
    assert account.booked[0].cost == Decimal("0.008")


async def test_a_number_that_is_none_has_no_known_line(wire: Wire) -> None:
    wire.says(always(says({"valid": False, "line_type_intelligence": None})))
    assert await Account(wire.url).texts.lookup("+1512") is LineType.UNKNOWN


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"line_type_intelligence": "mobile"}'])
async def test_a_garbled_lookup_says_so(wire: Wire, body: bytes) -> None:
    wire.says(always(Reply(200, body)))
    with pytest.raises(VendorUnreadable):
        await Account(wire.url).texts.lookup("+15125550183")


def test_every_word_has_a_place_in_the_table() -> None:
    assert {kind.value for kind in LineType} == set(PHONE_KINDS)


async def test_nothing_of_a_text_is_logged(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    wire.says(always(says(message(), 201)))
    await Account(wire.url).texts.send(TEXT)
    await Account(wire.url).texts.lookup(TEXT.to)
    logged = [record.getMessage() for record in caplog.records]
    assert not [line for line in logged if TEXT.to[1:] in line or TEXT.body in line]
