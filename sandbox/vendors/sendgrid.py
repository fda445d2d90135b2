"""SendGrid: Mail Send and the Email Activity search, with a mailbox behind them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandbox.world import Mail, World

MAX_BODY = 30_000_000
_TERM = re.compile(
    r"""\(?\s*(?:unique_args\[['"](?P<arg>[^'"]+)['"]\]|(?P<field>\w+))\s*=\s*"(?P<value>[^"]*)"\s*\)?"""
)
FIELDS = ("msg_id", "from_email", "to_email", "subject", "status")
Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EmailObject(_Strict):
    """An address with an optional name."""

    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=320)]
    name: str | None = None


class Personalization(BaseModel):
    """One envelope."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: Annotated[list[EmailObject], Field(min_length=1, max_length=1000)]
    sender: EmailObject | None = Field(default=None, alias="from")
    cc: Annotated[list[EmailObject], Field(max_length=1000)] = []
    bcc: Annotated[list[EmailObject], Field(max_length=1000)] = []
    subject: Text | None = None
    headers: dict[str, str] = {}
    substitutions: dict[str, str] = {}
    dynamic_template_data: dict[str, Any] = {}
    custom_args: dict[str, str] = {}
    send_at: int | None = None


class Content(_Strict):
    """A body in one media type."""

    type: Text
    value: Text


class Attachment(_Strict):
    """A file in base64."""

    content: Text
    filename: Text
    type: Text | None = None
    disposition: Annotated[str, Field(pattern="^(inline|attachment)$")] = "attachment"
    content_id: str | None = None


class MailSend(BaseModel):
    """The body of Mail Send (v3)."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    personalizations: Annotated[list[Personalization], Field(min_length=1, max_length=1000)]
    sender: EmailObject = Field(alias="from")
    reply_to: EmailObject | None = None
    reply_to_list: Annotated[list[EmailObject], Field(max_length=1000)] | None = None
    subject: Text | None = None
    content: list[Content] = []
    attachments: list[Attachment] = []
    template_id: str | None = None
    headers: dict[str, str] = {}
    categories: Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=10)] = []
    # The published schema says string, the documentation and every client send an object.
    custom_args: dict[str, str] | str = {}
    send_at: int | None = None
    batch_id: str | None = None
    asm: dict[str, Any] | None = None
    ip_pool_name: Annotated[str, Field(min_length=2, max_length=64)] | None = None
    mail_settings: dict[str, Any] = {}
    tracking_settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whole(self) -> "MailSend":
        if not self.template_id and not self.content:
            raise ValueError("content: Unless a valid template_id is provided, the content parameter is required.")
        if not self.template_id and not self.subject and not all(each.subject for each in self.personalizations):
            raise ValueError("subject: The subject is required. You can get around this if you use a template.")
        return self


def router(world: World) -> APIRouter:
    """Routes under /sendgrid."""
    routes = APIRouter(prefix="/sendgrid/v3")

    @routes.post("/mail/send")
    async def send(request: Request, authorization: str = Header(default="")) -> Response:
        refused = _unauthorised(authorization)
        if refused:
            return refused
        body = await request.body()
        if len(body) > MAX_BODY:
            return _errors(413, [("null", "the message is larger than 30 MB")])
        try:
            mail = MailSend.model_validate_json(body)
        except ValidationError as failure:
            return _errors(400, [_complaint(dict(error)) for error in failure.errors()])
        message_id = world.mailbox.next_id(world.seed)
        if not mail.mail_settings.get("sandbox_mode", {}).get("enable"):
            _deliver(world, mail, message_id)
        return Response(status_code=202, headers={"X-Message-Id": message_id})

    @routes.get("/messages")
    def messages(query: str = "", limit: str = "10", authorization: str = Header(default="")) -> Response:
        refused = _unauthorised(authorization)
        if refused:
            return refused
        if not limit.isdigit() or not 1 <= int(limit) <= 1000:
            return _errors(400, [("limit", "limit must be between 1 and 1000")])
        terms = _terms(query)
        if terms is None:
            return _errors(400, [("query", "invalid query")])
        found = [row for mail in reversed(world.mailbox.mails) if _holds(row := _row(mail), mail, terms)]
        return JSONResponse({"messages": found[: int(limit)]})

    return routes


def _deliver(world: World, mail: MailSend, message_id: str) -> None:
    shared = mail.custom_args if isinstance(mail.custom_args, dict) else {}
    bodies = {content.type: content.value for content in mail.content}
    number = 0
    for envelope in mail.personalizations:
        for recipient in (*envelope.to, *envelope.cc, *envelope.bcc):
            world.mailbox.add(
                Mail(
                    # Like the real ids: the header's value, then a part of its own for each recipient.
                    message_id=f"{message_id}.recvd-{number:04d}",
                    to=recipient.email.lower(),
                    name=recipient.name,
                    sender=(envelope.sender or mail.sender).email,
                    subject=envelope.subject or mail.subject or "",
                    text=_filled(bodies.get("text/plain", ""), envelope),
                    html=_filled(bodies.get("text/html", ""), envelope),
                    custom_args=shared | envelope.custom_args,
                    categories=tuple(mail.categories),
                    headers=mail.headers | envelope.headers,
                    received_at=datetime.now(UTC),
                    reply_to=mail.reply_to.email if mail.reply_to else None,
                    tracking={
                        kind: bool(mail.tracking_settings.get(f"{kind}_tracking", {}).get("enable"))
                        for kind in ("open", "click")
                    },
                )
            )
            number += 1


def _filled(body: str, envelope: Personalization) -> str:
    for tag, value in envelope.substitutions.items():
        body = body.replace(tag, value)
    return body


def _terms(query: str) -> list[tuple[str | None, str | None, str]] | None:
    """The terms of a query joined by AND; None when it is not one."""
    if not query.strip():
        return []
    found = []
    for part in re.split(r"\s+AND\s+", query.strip(), flags=re.IGNORECASE):
        match = _TERM.fullmatch(part.strip())
        if match is None or (match.group("field") and match.group("field") not in FIELDS):
            return None
        found.append((match.group("arg"), match.group("field"), match.group("value")))
    return found


def _row(mail: Mail) -> dict[str, object]:
    return {
        "from_email": mail.sender,
        "msg_id": mail.message_id,
        "subject": mail.subject,
        "to_email": mail.to,
        "status": "delivered",
        "opens_count": 0,
        "clicks_count": 0,
        "last_event_time": mail.received_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _holds(row: dict[str, object], mail: Mail, terms: list[tuple[str | None, str | None, str]]) -> bool:
    return all((mail.custom_args.get(arg) if arg else row.get(name or "")) == value for arg, name, value in terms)


def _unauthorised(authorization: str) -> Response | None:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return None
    return _errors(401, [("null", "The provided authorization grant is invalid, expired, or revoked")])


def _complaint(error: dict[str, Any]) -> tuple[str, str]:
    field = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if not field and ": " in message:
        field, _, message = message.partition(": ")
    return field or "null", message


def _errors(status: int, found: list[tuple[str, str]]) -> JSONResponse:
    errors = [
        {"message": message, "field": None if field == "null" else field, "help": None} for field, message in found
    ]
    return JSONResponse({"errors": errors}, status_code=status)
