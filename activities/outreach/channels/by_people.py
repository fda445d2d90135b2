"""LinkedIn messages and postcards: a person sends them, with words ready to be copied (spec 3.6.4)."""

from datetime import timedelta

from activities.messaging.letters import Letters
from activities.outreach.channels.base import Case
from activities.outreach.facts import gather
from domain.cadence import Channel
from schema.database import UnitOfWork

DONE_WITHIN = {Channel.LINKEDIN: timedelta(days=2), Channel.DIRECT_MAIL: timedelta(days=3)}
HEADS = {
    Channel.LINKEDIN: "Send a connection request on LinkedIn with this note; a message only once it is accepted.",
    Channel.DIRECT_MAIL: "Send a postcard with this text.",
}


async def put_on_list(tx: UnitOfWork, letters: Letters, case: Case) -> None:
    """The task of a touch, with what to write and where; once, however often it is asked for."""
    channel = case.touch.step.channel
    facts = await gather(tx, case.touch.step.template, case.contractor, case.campaign, case.enrollment, case.now)
    words = letters.note(case.touch.step.template, facts)
    where = case.contractor.linkedin_url if channel is Channel.LINKEDIN else case.contractor.address
    parts = (HEADS[channel], f"Where: {where}" if where else None, words)
    await tx.outreach.draft(case.touchpoint.id, message=words, template_used=case.touch.step.template)
    await tx.outreach.open_task(
        case.key,
        channel.value,
        case.contractor.id,
        case.now + DONE_WITHIN[channel],
        campaign_id=case.campaign.id,
        touchpoint_id=case.touchpoint.id,
        instructions="\n\n".join(part for part in parts if part),
    )
