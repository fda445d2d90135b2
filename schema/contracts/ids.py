"""The one place workflow ids are made: an id says what may run only once at a time. Low, so that all can use it."""

from uuid import UUID


def property_workflow_id(lead_id: UUID | str) -> str:
    """One run per property; a second start joins it."""
    return f"property-{lead_id}"


def permit_scrape_workflow_id(city: str, state: str) -> str:
    """One permit scrape per city at a time."""
    return f"permits-{state.lower()}-{'-'.join(city.lower().split())}"
