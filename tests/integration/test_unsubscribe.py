"""Opening an unsubscribe link changes nothing; the one-click POST does, without cookies or a redirect (RFC 8058)."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from selectolax.lexbor import LexborHTMLParser
from temporalio.client import Client

from api.problems import Code
from config.settings import Settings
from schema.database import Database
from schema.tables import BaseLead, Notification
from tests.api_client import problem
from tests.integration.inbox_world import Inbox, open_inbox

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
async def inbox(settings: Settings, database: Database, temporal_client: Client) -> AsyncIterator[Inbox]:
    async with open_inbox(settings, database, temporal_client) as world:
        yield world


async def test_opening_the_link_changes_nothing_at_all(inbox: Inbox) -> None:
    touch = await inbox.touch()
    before = await inbox.everything()
    for _ in range(3):
        page = await inbox.api.get(f"/unsubscribe/{touch.touchpoint}")
        assert page.status_code == 200
        assert (await inbox.api.head(f"/unsubscribe/{touch.touchpoint}")).status_code == 200
    assert await inbox.everything() == before
    assert await inbox.told(touch) == []
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers
    html = LexborHTMLParser(page.text)
    assert html.css_first("html").attributes["lang"] == "en"
    assert len(html.css("button")) == 1
    assert html.css_first("form").attributes["method"] == "post"
    for personal in (touch.email, touch.phone, str(touch.touchpoint), str(touch.contractor), "Roofing 1"):
        assert personal not in page.text


async def test_one_click_unsubscribes_without_cookies_or_redirect(inbox: Inbox) -> None:
    touch = await inbox.touch()
    answer = await inbox.api.post(f"/unsubscribe/{touch.touchpoint}", data=ONE_CLICK)
    assert (answer.status_code, answer.history) == (200, [])
    assert "set-cookie" not in answer.headers
    assert await inbox.suppressed(touch) == {"all"}
    assert (await inbox.enrollment(touch)).halt_reason == "opted_out"
    assert (await inbox.row(touch)).unsubscribed_at is not None
    assert await inbox.kinds(touch) == ["opted_out"]


async def test_the_pages_own_form_and_a_bare_post_do_the_same(inbox: Inbox) -> None:
    by_form, bare = await inbox.touch(), await inbox.touch()
    page = LexborHTMLParser((await inbox.api.get(f"/unsubscribe/{by_form.touchpoint}")).text)
    fields = {field.attributes["name"]: field.attributes["value"] for field in page.css("input")}
    parts = {name: (None, value) for name, value in fields.items()}
    assert (await inbox.api.post(f"/unsubscribe/{by_form.touchpoint}", files=parts)).status_code == 200
    assert (await inbox.api.post(f"/unsubscribe/{bare.touchpoint}")).status_code == 200
    assert await inbox.suppressed(by_form) == await inbox.suppressed(bare) == {"all"}


async def test_pressing_again_changes_nothing_more(inbox: Inbox) -> None:
    touch = await inbox.touch()
    for _ in range(3):
        assert (await inbox.api.post(f"/unsubscribe/{touch.touchpoint}", data=ONE_CLICK)).status_code == 200
    async with inbox.database.transaction() as tx:
        events = await tx.events.of("contractor", touch.contractor)
    assert [event.event_type for event in events].count("contractor.opted_out") == 1


async def test_a_customers_notice_stops_notices_only(inbox: Inbox) -> None:
    touch = await inbox.touch(acquisition_status="active")
    lead, notice = uuid4(), uuid4()
    async with inbox.database.transaction() as tx:
        tx.session.add(BaseLead(id=lead, address="1 OAK ST", city="Austin", state="TX", status="available"))
        await tx.session.flush()
        tx.session.add(
            Notification(id=notice, base_lead_id=lead, contractor_id=touch.contractor, channel="email", kind="new_lead")
        )
    assert (await inbox.api.get(f"/unsubscribe/{notice}")).status_code == 200
    assert await inbox.suppressed(touch) == frozenset()
    assert (await inbox.api.post(f"/unsubscribe/{notice}", data=ONE_CLICK)).status_code == 200
    assert await inbox.suppressed(touch) == {"email"}
    assert (await inbox.enrollment(touch)).halted_at is None


async def test_an_unknown_link_is_not_found_and_leaves_nothing(inbox: Inbox) -> None:
    before = await inbox.everything()
    for token in (str(uuid4()), "no-token", "%00"):
        problem(await inbox.api.get(f"/unsubscribe/{token}"), Code.NOT_FOUND)
        problem(await inbox.api.post(f"/unsubscribe/{token}", data=ONE_CLICK), Code.NOT_FOUND)
    assert await inbox.everything() == before


async def test_the_click_counts_even_while_the_workflow_server_is_away(inbox: Inbox, database: Database) -> None:
    touch = await inbox.touch()
    dead = inbox.settings.model_copy(update={"temporal_address": "127.0.0.1:9"})
    async with open_inbox(dead, database, inbox.temporal) as cut_off:
        assert (await cut_off.api.post(f"/unsubscribe/{touch.touchpoint}", data=ONE_CLICK)).status_code == 200
    assert await inbox.suppressed(touch) == {"all"}
    async with database.transaction() as tx:
        assert [lost.event.kind for lost in await tx.inbox.undelivered(0, 10)] == ["opted_out"]
