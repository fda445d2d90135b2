"""Whether Temporal will try an activity again."""

from temporalio import activity

from integrations.http import VendorError, VendorUnavailable


def is_last_attempt() -> bool:
    """True on the attempt after which the workflow gets the failure: time for a fallback instead of raising."""
    info = activity.info()
    limit = info.retry_policy.maximum_attempts if info.retry_policy else 0
    return 0 < limit <= info.attempt


def worth_retrying(failure: VendorError) -> bool:
    """Whether to raise, so that Temporal tries again later, rather than to take the fallback now."""
    return isinstance(failure, VendorUnavailable) and not is_last_attempt()
