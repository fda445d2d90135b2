"""Whether Temporal will try an activity again."""

from temporalio import activity


def is_last_attempt() -> bool:
    """True on the attempt after which the workflow gets the failure: time for a fallback instead of raising."""
    info = activity.info()
    limit = info.retry_policy.maximum_attempts if info.retry_policy else 0
    return 0 < limit <= info.attempt
