"""What every repository has: the session of its caller's transaction and the vault for personal data."""

from sqlalchemy.ext.asyncio import AsyncSession

from schema.pii import PiiVault

MAX_PAGE = 200


class Repository:
    """SQL of one aggregate, inside the caller's transaction."""

    def __init__(self, session: AsyncSession, vault: PiiVault) -> None:
        self._session = session
        self._vault = vault


def page_size(limit: int) -> int:
    """A limit between 1 and MAX_PAGE: no list is unbounded, whatever the caller asks."""
    return max(1, min(limit, MAX_PAGE))


def clean(text: str | None, length: int | None = None) -> str | None:
    """Outside text as PostgreSQL can hold it: no NUL characters, at most `length` long, None if empty."""
    if text is None:
        return None
    kept = text.replace("\x00", "").strip()[:length]
    return kept or None
