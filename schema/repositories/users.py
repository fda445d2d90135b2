"""People and services that may sign in."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from schema.repositories.base import Repository, page_size
from schema.tables import User


class UserRepository(Repository):
    """`users`. E-mail addresses are kept and compared in lower case."""

    async def get(self, user_id: UUID) -> User | None:
        """The user, or None."""
        return await self._session.get(User, user_id)

    async def by_email(self, email: str) -> User | None:
        """The user with this e-mail address, or None."""
        return await self._session.scalar(select(User).where(col(User.email) == email.strip().lower()))

    async def with_role(self, role: str, limit: int = 100) -> Sequence[User]:
        """Active users of a role, oldest account first."""
        found = await self._session.scalars(
            select(User)
            .where(col(User.role) == role, col(User.active))
            .order_by(col(User.created_at), col(User.id))
            .limit(page_size(limit))
        )
        return found.all()

    async def ensure(
        self, email: str, role: str, display_name: str | None = None, contractor_id: UUID | None = None
    ) -> UUID:
        """The id of the user with this e-mail address, created without a password if there is none."""
        address = email.strip().lower()
        await self._session.execute(
            insert(User)
            .values(email=address, role=role, display_name=display_name, contractor_id=contractor_id)
            .on_conflict_do_nothing(index_elements=["email"])
        )
        return (await self._session.scalars(select(col(User.id)).where(col(User.email) == address))).one()
