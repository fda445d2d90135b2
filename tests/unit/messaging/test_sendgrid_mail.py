"""The client's requests keep SendGrid's rules, and every failure says whether anything may have happened."""

import errno
import http.client
import json
import logging
import socket
import ssl
import urllib.error
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from python_http_client.exceptions import HTTPError, handle_error

from activities.effects import Meaning, meaning_of
from integrations.http import ApiCall, VendorError, VendorNotReached, VendorRejected, VendorUnavailable
from integrations.sendgrid_mail import MailBatch, Recipient, SendGridMail, explain, unsubscribe_headers
from tests.unit.messaging.mail_send_rules import MAIL_SEND, MAX_CUSTOM_ARGS_BYTES

PUBLISHED = Path(__file__).parents[4] / "shared/data/specs/sendgrid/tsg_mail_v3.json"


async def ignore(call: ApiCall) -> None:
    """A meter that books nothing."""


def client() -> SendGridMail:
    return SendGridMail(
        api_key="key", host="http://127.0.0.1:9", sender="leads@ridgeline.example", sender_name="Ridgeline", timeout=2,
        meter=ignore,
    )  # fmt: skip


def batch(recipients: int = 3, key: str = "notify-5d1f2c9e") -> MailBatch:
    return MailBatch(
        key=key,
        subject="New roofing lead in Austin",
        text="text -unsubscribe_url-",
        html="<p>-unsubscribe_url-</p>",
        recipients=[
            Recipient(
                f"roofer{number}@contractor.example",
                {"notification_id": f"n{number}"},
                {"-unsubscribe_url-": f"https://app.example/unsubscribe/n{number}"},
            )
            for number in range(recipients)
        ],
        category="new_lead",
    )


def published_rules() -> dict[str, Any]:
    """SendGrid's own description of the body, with references inlined as draft 2020 wants them."""
    document = json.loads(PUBLISHED.read_text())
    schema = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    return {**schema, "components": document["components"]}


RULES = [pytest.param(MAIL_SEND, id="our own copy")]
if PUBLISHED.exists():
    RULES.append(pytest.param(published_rules(), id="as published"))


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("recipients", [1, 3, 1000])
def test_requests_keep_the_rules(rules: dict[str, Any], recipients: int) -> None:
    jsonschema.Draft202012Validator(rules).validate(client().request_body(batch(recipients)))


def letter(**options: Any) -> MailBatch:
    """A batch of one, as a touch of a sequence is sent."""
    return replace(batch(1), sender=("ann@mail.example", "Ann of Ridgeline"), **options)


FULL = letter(
    reply_to="reply+5d1f@reply.example", unsubscribe_url="https://app.example/unsubscribe/5d1f", track=True
)  # fmt: skip


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("mail", [FULL, letter(), letter(track=True), letter(unsubscribe_url="http://127.0.0.1/u/1")])
def test_letters_keep_the_rules(rules: dict[str, Any], mail: MailBatch) -> None:
    jsonschema.Draft202012Validator(rules).validate(client().request_body(mail))


def test_a_letter_names_its_sender_and_where_answers_go() -> None:
    body = client().request_body(FULL)
    assert body["from"] == {"email": "ann@mail.example", "name": "Ann of Ridgeline"}
    assert body["reply_to"] == {"email": "reply+5d1f@reply.example"}
    assert client().request_body(letter())["reply_to"] == body["from"]
    assert client().request_body(batch(1))["from"] == {"email": "leads@ridgeline.example", "name": "Ridgeline"}


def test_one_click_unsubscribes() -> None:
    """RFC 8058: both headers, an address for the POST, and a mail for programs that know only that."""
    (personalization,) = client().request_body(FULL)["personalizations"]
    assert personalization["headers"] == {
        "List-Unsubscribe": (
            "<https://app.example/unsubscribe/5d1f>, <mailto:reply+5d1f@reply.example?subject=unsubscribe>"
        ),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize("track", [True, False])
def test_tracking_is_said_either_way(track: bool) -> None:
    settings = client().request_body(letter(track=track))["tracking_settings"]
    assert settings["open_tracking"] == {"enable": track}
    assert settings["click_tracking"] == {"enable": track, "enable_text": False}
    assert settings["subscription_tracking"] == {"enable": False}


def test_an_unsubscribe_link_is_never_shared() -> None:
    with pytest.raises(ValueError, match="one recipient"):
        client().request_body(replace(batch(2), unsubscribe_url="https://app.example/unsubscribe/1"))


@pytest.mark.parametrize(
    "link",
    ["", "javascript:alert(1)", "https://a.example/>\r\nBcc: x@y.example", "https://a.example/ b", "mailto:a@b.c"],
)
def test_an_unsubscribe_link_cannot_add_headers(link: str) -> None:
    with pytest.raises(ValueError, match="web address"):
        unsubscribe_headers(link)


@pytest.mark.parametrize(
    "headers", [{"Bcc": "x@y.example"}, {"reply-to": "x@y.example"}, {"X-A": "1\r\nBcc: x"}, {"X A": "1"}, {"X-A": "é"}]
)
def test_headers_that_are_not_ours_are_refused(headers: dict[str, str]) -> None:
    mail = replace(batch(1), recipients=[Recipient("a@b.example", headers=headers)])
    with pytest.raises(ValueError, match="header"):
        client().request_body(mail)


def test_one_envelope_per_recipient_so_that_nobody_sees_another() -> None:
    body = client().request_body(batch(3))
    assert [[to["email"] for to in each["to"]] for each in body["personalizations"]] == [
        ["roofer0@contractor.example"], ["roofer1@contractor.example"], ["roofer2@contractor.example"],
    ]  # fmt: skip


def test_every_copy_can_be_found_again_and_names_no_property() -> None:
    for number, each in enumerate(client().request_body(batch(3))["personalizations"]):
        assert each["custom_args"] == {"effect_key": "notify-5d1f2c9e", "notification_id": f"n{number}"}
        assert len(json.dumps(each["custom_args"]).encode()) < MAX_CUSTOM_ARGS_BYTES


@pytest.mark.parametrize("recipients", [0, 1001])
def test_a_batch_has_bounds(recipients: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        client().request_body(batch(recipients))


@pytest.mark.parametrize("key", ['notify"] OR status="delivered', "", "a b", "x" * 201])
async def test_a_key_cannot_break_out_of_the_query(key: str) -> None:
    with pytest.raises(ValueError, match="effect key"):
        client().request_body(batch(key=key))
    with pytest.raises(ValueError, match="effect key"):
        await client().find(key)


def test_the_sdk_never_logs_requests() -> None:
    client()
    assert not logging.getLogger("python_http_client").isEnabledFor(logging.DEBUG)


def answered(status: int, headers: dict[str, str] | None = None) -> HTTPError:
    message = Message()
    for name, value in (headers or {}).items():
        message[name] = value
    error = urllib.error.HTTPError("http://127.0.0.1/v3/mail/send", status, "reason", message, None)
    error.read = lambda: b'{"errors":[{"message":"to: roofer0@contractor.example"}]}'  # type: ignore[method-assign]
    return handle_error(error)


NO_ROUTE = OSError(errno.EHOSTUNREACH, "No route to host")

FAILURES: list[tuple[BaseException, type[VendorError], Meaning]] = [
    (answered(400), VendorRejected, Meaning.REFUSED),
    (answered(413), VendorRejected, Meaning.REFUSED),
    (answered(422), VendorRejected, Meaning.REFUSED),
    (answered(401), VendorRejected, Meaning.DID_NOTHING),
    (answered(403), VendorRejected, Meaning.DID_NOTHING),
    (answered(404), VendorRejected, Meaning.DID_NOTHING),
    (answered(429, {"Retry-After": "7"}), VendorNotReached, Meaning.DID_NOTHING),
    (answered(500), VendorUnavailable, Meaning.UNCLEAR),
    (answered(503), VendorUnavailable, Meaning.UNCLEAR),
    (urllib.error.URLError(ConnectionRefusedError(111, "refused")), VendorNotReached, Meaning.DID_NOTHING),
    (urllib.error.URLError(socket.gaierror(-2, "unknown name")), VendorNotReached, Meaning.DID_NOTHING),
    (urllib.error.URLError(ssl.SSLCertVerificationError("self-signed")), VendorNotReached, Meaning.DID_NOTHING),
    (urllib.error.URLError(NO_ROUTE), VendorNotReached, Meaning.DID_NOTHING),
    (urllib.error.URLError(TimeoutError("timed out")), VendorUnavailable, Meaning.UNCLEAR),
    (urllib.error.URLError(ConnectionResetError(104, "reset")), VendorUnavailable, Meaning.UNCLEAR),
    (TimeoutError("timed out"), VendorUnavailable, Meaning.UNCLEAR),
    (ConnectionResetError(104, "reset"), VendorUnavailable, Meaning.UNCLEAR),
    (http.client.RemoteDisconnected("closed"), VendorUnavailable, Meaning.UNCLEAR),
    (http.client.IncompleteRead(b""), VendorUnavailable, Meaning.UNCLEAR),
]


@pytest.mark.parametrize(("failure", "kind", "meaning"), FAILURES, ids=lambda value: repr(value)[:50])
def test_what_a_failure_means(failure: BaseException, kind: type[VendorError], meaning: Meaning) -> None:
    told = explain("mail_send", failure)
    assert type(told) is kind
    assert meaning_of(told) is meaning
    assert "@" not in str(told)


def test_throttling_says_how_long_to_wait() -> None:
    told = explain("mail_send", answered(429, {"Retry-After": "7"}))
    assert isinstance(told, VendorUnavailable)
    assert told.retry_after == 7


def test_our_own_bugs_stay_our_own() -> None:
    assert explain("mail_send", KeyError("x")) is None


async def test_a_refused_connection_is_metered_and_safe_to_repeat() -> None:
    booked: list[ApiCall] = []

    async def book(call: ApiCall) -> None:
        booked.append(call)

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        mail = SendGridMail(api_key="k", host=host, sender="a@b.example", sender_name="A", timeout=2, meter=book)
        with pytest.raises(VendorNotReached):
            await mail.send(batch())
    assert [(call.operation, call.status, call.error) for call in booked] == [
        ("mail_send", None, "sendgrid mail_send: ConnectionRefusedError")
    ]
