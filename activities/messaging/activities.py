"""Activities of the `messaging` queue."""

from typing import TYPE_CHECKING

from temporalio import activity

from schema.contracts.base import LeadRef
from schema.contracts.property import NotifySummary

if TYPE_CHECKING:
    from activities.messaging.letters import Sender
    from integrations.sendgrid_mail import SendGridMail
    from schema.database import Database


class MessagingActivities:
    """Messages to contractors."""

    def __init__(self, db: "Database", mail: "SendGridMail", sender: "Sender") -> None:
        from activities.messaging.delivery import LeadNotices
        from activities.messaging.letters import Letters

        self._notices = LeadNotices(db, mail, Letters(sender))

    @activity.defn
    async def notify_contractors(self, lead: LeadRef) -> NotifySummary:
        """E-mails the contractors matched with a published lead, once (spec 6.4 step 2)."""
        return await self._notices.send(lead.lead_id)
