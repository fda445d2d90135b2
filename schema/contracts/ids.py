"""The one place workflow ids are made: an id says what may run only once at a time. Low, so that all can use it."""

from uuid import UUID


def property_workflow_id(lead_id: UUID | str) -> str:
    """One run per property; a second start joins it."""
    return f"property-{lead_id}"


def permit_scrape_workflow_id(city: str, state: str) -> str:
    """One permit scrape per city at a time."""
    return f"permits-{state.lower()}-{'-'.join(city.lower().split())}"


def discovery_workflow_id(city: str, state: str) -> str:
    """One contractor discovery per city at a time."""
    return f"discovery-{state.lower()}-{'-'.join(city.lower().split())}"


def profile_workflow_id(contractor_id: UUID | str) -> str:
    """One look at a contractor's profile at a time."""
    return f"profile-{contractor_id}"


def sequence_workflow_id(campaign_id: UUID | str, contractor_id: UUID | str) -> str:
    """Nobody is in one sequence twice."""
    return f"sequence-{campaign_id}-{contractor_id}"


def campaign_workflow_id(campaign_id: UUID | str) -> str:
    """One launch (or resumption) of a campaign at a time."""
    return f"campaign-{campaign_id}"


def call_workflow_id(contractor_id: UUID | str) -> str:
    """One call by hand per contractor at a time."""
    return f"call-{contractor_id}"


def onboarding_workflow_id(contractor_id: UUID | str) -> str:
    """One subscription life cycle per contractor."""
    return f"onboarding-{contractor_id}"
