"""The lead an enrichment is for."""

from uuid import UUID

from temporalio.exceptions import ApplicationError

from schema.database import Database
from schema.repositories.leads import OwnerContact
from schema.tables.core import BaseLead


async def load(db: Database, lead_id: UUID) -> tuple[BaseLead, OwnerContact]:
    """A lead and its owner's contacts, decrypted. Raises for an unknown lead."""
    async with db.transaction() as tx:
        row, contact = await tx.leads.get(lead_id), await tx.leads.contact(lead_id)
    if row is None or contact is None:
        raise ApplicationError("no such lead", type="UnknownLead", non_retryable=True)
    return row, contact
