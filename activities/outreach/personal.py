"""One paragraph of a letter in words about this very company, if a language model finds true ones (spec 3.6.4)."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from activities.outreach.channels.base import Case
from domain.personalisation import check_paragraph
from integrations.http import VendorError
from schema.tables import Contractor

if TYPE_CHECKING:
    from integrations.ollama_llm import LanguageModel

PERSONAL = frozenset({"cold_introduction", "value_proposition"})
"""Templates that have a place for such a paragraph."""
PERSONAL_SECONDS = 6.0
"""A slow model never delays a touch: the template's own words go out instead."""
KEPT = "personal"

PROMPT = """You write one paragraph of a letter to a roofing company. The letter offers roofing leads.
Write 1 or 2 plain sentences, at most 50 words, that say why leads may suit this company.
Use only these facts, and no number, name or claim that is not among them:
{facts}
No greeting, no signature, no link, no price, no promise, no flattery. Write to "you"."""


class Paragraph(BaseModel):
    """What the model answers."""

    paragraph: str = Field(max_length=600)


@dataclass(frozen=True, slots=True)
class Personal:
    """A paragraph that may be used, or why there is none; with the facts that were given."""

    text: str | None = field(default=None, repr=False)
    reason: str | None = None
    facts: dict[str, str] = field(default_factory=dict, repr=False)

    def kept(self) -> dict[str, Any]:
        """As it is kept with the touch."""
        return {"text": self.text, "reason": self.reason, "facts": self.facts}


def facts_of(contractor: Contractor) -> dict[str, str]:
    """What is known of a company that may be said to it."""
    rating = contractor.google_rating or contractor.yelp_rating
    known = {
        "company": contractor.company_name,
        "city": contractor.city,
        "state": contractor.state,
        "years in business": contractor.years_in_business,
        "services": ", ".join((contractor.services_offered or [])[:5]),
        "roof types": ", ".join((contractor.roof_types or [])[:5]),
        "certifications": ", ".join((contractor.certifications or [])[:3]),
        "rating": f"{rating.normalize():f} of 5" if rating is not None else None,
        "reviews": contractor.google_review_count or contractor.yelp_review_count,
    }
    return {name: " ".join(str(value).split()) for name, value in known.items() if value}


class Personaliser:
    """Asks a model once per touch, and believes nothing that the facts do not bear out."""

    def __init__(self, model: "LanguageModel") -> None:
        self._model = model

    async def paragraph(self, case: Case) -> Personal | None:
        """The paragraph for a touch; None for letters without a place for one."""
        if case.touch.step.template not in PERSONAL:
            return None
        facts = facts_of(case.contractor)
        known = case.extra.get(KEPT)
        if isinstance(known, dict) and known.get("facts") == facts:
            return Personal(known.get("text"), known.get("reason"), facts)
        return await self._ask(facts)

    async def _ask(self, facts: dict[str, str]) -> Personal:
        told = "\n".join(f"- {name}: {value}" for name, value in facts.items())
        try:
            async with asyncio.timeout(PERSONAL_SECONDS):
                answer = await self._model.ask(PROMPT.format(facts=told), Paragraph)
        except TimeoutError:
            return Personal(reason="too_slow", facts=facts)
        except VendorError as failure:
            return Personal(reason=type(failure).__name__, facts=facts)
        text = " ".join(answer.paragraph.split())
        refused = check_paragraph(text, facts)
        return Personal(None if refused else text, refused, facts)
