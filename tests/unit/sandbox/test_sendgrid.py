"""Mail Send, the mailbox and the activity search."""

import copy
from typing import Any

import httpx
import jsonschema
import pytest

from tests.unit.sandbox import published

SEND = "/sendgrid/v3/mail/send"
AUTH = {"Authorization": "Bearer test"}
MAIL: dict[str, Any] = {
    "personalizations": [
        {"to": [{"email": "Ann@roofs.example", "name": "Ann"}], "custom_args": {"effect_key": "k-1", "n": "1"}},
        {"to": [{"email": "bob@roofs.example"}], "subject": "For Bob", "substitutions": {"-who-": "Bob"}},
    ],
    "from": {"email": "leads@ridgeline.example", "name": "Ridgeline"},
    "reply_to": {"email": "leads@ridgeline.example"},
    "subject": "New lead",
    "content": [{"type": "text/plain", "value": "Hello -who-"}, {"type": "text/html", "value": "<p>Hi</p>"}],
    "categories": ["lead"],
}


def changed(**changes: Any) -> dict[str, Any]:
    """The mail with other fields; None takes one away."""
    mail = copy.deepcopy(MAIL) | changes
    return {name: value for name, value in mail.items() if value is not None}


async def test_every_recipient_gets_a_mail(http: httpx.AsyncClient) -> None:
    jsonschema.validate(MAIL, published.sendgrid_request())
    answer = await http.post(SEND, json=MAIL, headers=AUTH)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["X-Message-Id"]
    box = (await http.get("/control/mailbox")).json()
    assert box["by_recipient"] == {"ann@roofs.example": 1, "bob@roofs.example": 1}
    ann, bob = box["mails"]
    assert ann["custom_args"] == {"effect_key": "k-1", "n": "1"}
    assert (bob["subject"], bob["text"]) == ("For Bob", "Hello Bob")
    assert ann["message_id"].startswith(answer.headers["X-Message-Id"])
    assert box["by_custom_args"] == {"effect_key=k-1&n=1": 1, "": 1}


async def test_sent_mail_is_found_by_its_argument(http: httpx.AsyncClient) -> None:
    await http.post(SEND, json=MAIL, headers=AUTH)
    for query, count in (
        ("(unique_args['effect_key']=\"k-1\")", 1),
        ("unique_args['effect_key']=\"k-2\"", 0),
        ('to_email="bob@roofs.example"', 1),
        ('unique_args[\'effect_key\']="k-1" AND to_email="bob@roofs.example"', 0),
        ("", 2),
    ):
        found = await http.get("/sendgrid/v3/messages", params={"query": query, "limit": 10}, headers=AUTH)
        assert len(found.json()["messages"]) == count, query
    row = found.json()["messages"][0]
    assert set(row) == {
        "from_email", "msg_id", "subject", "to_email", "status", "opens_count", "clicks_count", "last_event_time",
    }  # fmt: skip


@pytest.mark.parametrize("query", ["nonsense", "'; drop", 'unknown_field="x"', "to_email='x'"])
async def test_bad_searches_are_refused(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get("/sendgrid/v3/messages", params={"query": query}, headers=AUTH)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "mail",
    [
        changed(personalizations=[]),
        changed(personalizations=[{"to": []}]),
        changed(personalizations=[{"to": [{"email": "no at sign"}]}]),
        changed(personalizations=[{"to": [{"email": "a@b.example"}], "custom_args": {"n": 1}}]),
        changed(content=None),
        changed(subject=None, personalizations=[{"to": [{"email": "a@b.example"}]}]),
        changed(content=[{"type": "text/plain", "value": ""}]),
        changed(**{"from": None}),
        changed(surprise=True),
        changed(categories=["x"] * 11),
    ],
)
async def test_bad_mail_is_refused_and_not_delivered(http: httpx.AsyncClient, mail: dict[str, Any]) -> None:
    answer = await http.post(SEND, json=mail, headers=AUTH)
    assert answer.status_code == 400
    assert all(set(error) == {"message", "field", "help"} for error in answer.json()["errors"])
    assert (await http.get("/control/mailbox")).json()["count"] == 0


async def test_keys_and_json_are_required(http: httpx.AsyncClient) -> None:
    assert (await http.post(SEND, json=MAIL)).status_code == 401
    assert (await http.get("/sendgrid/v3/messages")).status_code == 401
    assert (await http.post(SEND, content=b"{", headers=AUTH)).status_code == 400


async def test_sandbox_mode_accepts_and_delivers_nothing(http: httpx.AsyncClient) -> None:
    mail = changed(mail_settings={"sandbox_mode": {"enable": True}})
    assert (await http.post(SEND, json=mail, headers=AUTH)).status_code == 202
    assert (await http.get("/control/mailbox")).json()["count"] == 0
