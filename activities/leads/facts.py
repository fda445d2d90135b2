"""A lead's rows as the rules want to see them."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from temporalio.exceptions import ApplicationError

from domain.age import RoofAge, RoofPermit, roof_age
from domain.ensemble import EnsembleVerdict, combine
from domain.roof import ImageFindings, RoofCondition
from schema.database import UnitOfWork
from schema.repositories.triggers import Around
from schema.tables import BaseLead, RoofAnalysis, RoofingLead


@dataclass(frozen=True, slots=True)
class Analysed:
    """The current analysis with the findings behind it. `verdict` is None for one without findings."""

    row: RoofAnalysis
    findings: tuple[ImageFindings, ...]
    verdict: EnsembleVerdict | None

    @property
    def condition(self) -> RoofCondition | None:
        """The condition of record: the ensemble's, or a reviewer's correction of it."""
        return RoofCondition(self.row.overall_condition) if self.row.overall_condition else None


async def lead_and_roof(tx: UnitOfWork, lead_id: UUID) -> tuple[BaseLead, RoofingLead | None]:
    """The lead's rows. A lead that is gone ends the activity for good."""
    lead = await tx.leads.get(lead_id)
    if lead is None:
        raise unknown_lead()
    return lead, await tx.leads.roofing(lead_id)


def unknown_lead() -> ApplicationError:
    """There is no such lead, and no retry brings it back."""
    return ApplicationError("no such lead", type="UnknownLead", non_retryable=True)


async def analysed(tx: UnitOfWork, lead_id: UUID) -> Analysed | None:
    """The lead's analysis; None when no image could be analysed."""
    row = await tx.analyses.current(lead_id)
    if row is None or row.overall_condition is None:
        return None
    findings = await tx.analyses.findings(lead_id)
    return Analysed(row, findings, combine(findings) if findings else None)


async def around(tx: UnitOfWork, lead_id: UUID, today: date) -> Around:
    """What surrounds the lead."""
    found = await tx.triggers.around([lead_id], today)
    if lead_id not in found:
        raise unknown_lead()
    return found[lead_id]


def age_of(around: Around, today: date) -> RoofAge:
    """The roof's age by the last finished re-roof, else by the year of construction."""
    last = around.last_roof_permit
    return roof_age([RoofPermit(last, last)] if last else [], around.year_built, today)
