"""Requests about campaigns and mailboxes that make no sense are refused before anything is asked."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.problems import Code
from tests.api_client import problem

LETTER = {"day": 0, "channel": "email", "template": "hello"}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"city": "Austin", "state": None},
        {"channels": []},
        {"channels": ["email", "email"]},
        {"channels": ["pigeon"]},
        {"type": "upsell"},
        {"target_criteria": {"min_fitt": 60}},
        {"target_criteria": {"min_fit": 101}},
        {"target_criteria": {"max_contractors": 0}},
        {"sequence_steps": []},
        {"sequence_steps": [{**LETTER, "channel": "linkedin"}]},
        {"sequence_steps": [{**LETTER, "day": 2}, {**LETTER, "day": 1}]},
        {"sequence_steps": [{**LETTER, "delay": 3}]},
        {"sequence_steps": [{**LETTER, "with_previous": True}]},
        {"budget": 5},
    ],
)
async def test_campaigns(client: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    body = {"name": "Austin", "city": "Austin", "state": "TX", **changes}
    problem(await client.post("/campaigns", json=body), Code.INVALID_REQUEST)


@pytest.mark.parametrize(
    "changes", [{"address": "anna"}, {"address": "a b@c.example"}, {"daily_cap": 0}, {"display_name": ""}, {"x": 1}]
)
async def test_mailboxes(client: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    body = {"address": "anna@sender.example", "display_name": "Anna", **changes}
    problem(await client.post("/mailboxes", json=body), Code.INVALID_REQUEST)


@pytest.mark.parametrize("body", [{}, {"state": "asleep"}, {"daily_cap": 501}, {"address": "b@sender.example"}])
async def test_changes_of_mailboxes(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    problem(await client.patch(f"/mailboxes/{uuid4()}", json=body), Code.INVALID_REQUEST)


@pytest.mark.parametrize("days", [{"first": "2026-02-01", "last": "2026-01-31"}, {"first": "soon"}])
async def test_spans_of_days(client: httpx.AsyncClient, days: dict[str, str]) -> None:
    problem(await client.get(f"/campaigns/{uuid4()}/performance", params=days), Code.INVALID_REQUEST)
