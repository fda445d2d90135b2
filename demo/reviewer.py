"""A reviewer who knows the truth: answers open reviews through the API, as a person would."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from domain.roof import RoofCondition

EVERY_SECONDS = 1.0
PAGE = 50


@dataclass
class Reviewer:
    """Approves a verdict within one grade of the truth (correcting it when it is off), rejects the rest."""

    api: httpx.AsyncClient
    true_condition: Mapping[UUID, RoofCondition]
    approved: int = 0
    corrected: int = 0
    rejected: int = 0
    _seen: set[str] = field(default_factory=set)

    async def work(self, done: asyncio.Event) -> None:
        """Answer reviews until `done`."""
        while not done.is_set():
            await self.answer_open_reviews()
            try:
                await asyncio.wait_for(done.wait(), EVERY_SECONDS)
            except TimeoutError:
                continue

    async def answer_open_reviews(self) -> None:
        """One round over the queue. A review that cannot be answered now is met again in the next round."""
        try:
            page = (await self.api.get("/validation/pending", params={"limit": PAGE})).raise_for_status().json()
        except httpx.HTTPError:
            return
        for review in page["reviews"]:
            await self._answer(review)

    async def _answer(self, review: Mapping[str, Any]) -> None:
        truth = self.true_condition.get(UUID(review["lead_id"]))
        if truth is None or review["review_id"] in self._seen:
            return
        predicted = RoofCondition(review["predicted_condition"])
        verdict = "approve" if abs(predicted.rank - truth.rank) <= 1 else "reject"
        correction = truth.value if verdict == "approve" and predicted is not truth else None
        body = {"note": "Compared with the images.", "corrected_condition": correction}
        try:
            answer = await self.api.post(f"/validation/{review['review_id']}/{verdict}", json=body)
        except httpx.HTTPError:
            return
        if answer.is_success:
            self._seen.add(review["review_id"])
            self.approved += verdict == "approve"
            self.corrected += correction is not None
            self.rejected += verdict == "reject"
