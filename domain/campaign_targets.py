"""Whom a campaign may be for, before it looks at anybody in particular (spec 3.6.4, 6.3 step 4)."""

from collections.abc import Collection, Mapping

ELIGIBLE: Mapping[str, tuple[str, ...]] = {
    "cold_outreach": ("discovered", "contacted"),
    "nurture": ("contacted", "interested", "nurture"),
    "reactivation": ("churned",),
}
"""Acquisition statuses each type of campaign is for. Customers are in none: they are not written to by sequences."""
DEFAULT_TYPE = "cold_outreach"

NEEDS: Mapping[str, str] = {
    "email": "email",
    "sms": "phone",
    "call": "phone",
    "linkedin": "linkedin",
    "direct_mail": "address",
}
"""What a contractor must have to be reached on a channel."""
EVERY_CHANNEL = "all"


def reachable(channels: Collection[str], has: Collection[str], suppressed: Mapping[str, Collection[str]]) -> bool:
    """Whether any of a campaign's channels leads to a contractor.

    `has` names what is known of it (`email`, `phone`, `linkedin`, `address`); `suppressed` says per address
    (`email`, `phone`) on which channels it must not be reached. An address that is suppressed altogether
    is somebody's no, and counts for all the others too.
    """
    if any(EVERY_CHANNEL in refused for refused in suppressed.values()):
        return False
    return any(
        NEEDS[channel] in has and channel not in suppressed.get(NEEDS[channel], ())
        for channel in channels
        if channel in NEEDS
    )
