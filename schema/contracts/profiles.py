"""Messages of a contractor's profile workflow (spec 3.6.2, 3.6.3)."""

from schema.contracts.outreach import ContractorRef


class ProfileRequest(ContractorRef):
    """Which contractor, and whether to look for new facts before scoring or to score what is known."""

    enrich: bool = True
