"""Target cities: who is watched, and where their permits and parcels are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from schema.repositories.base import Repository
from schema.tables import TargetCity

MAX_CITIES = 1_000


class CityRepository(Repository):
    """`target_cities`."""

    async def get(self, city: str, state: str) -> TargetCity | None:
        """The city, whatever the case of its name, or None."""
        return await self._session.scalar(
            select(TargetCity).where(_is(city, state)).execution_options(populate_existing=True)
        )

    async def all(self, active: bool | None = None) -> Sequence[TargetCity]:
        """Cities by priority, highest first; only active or inactive ones if asked."""
        statement = select(TargetCity).order_by(
            col(TargetCity.priority).desc().nulls_last(), col(TargetCity.city), col(TargetCity.state)
        )
        if active is not None:
            statement = statement.where(col(TargetCity.active).is_(active))
        return (await self._session.scalars(statement.limit(MAX_CITIES))).all()

    async def point_at(
        self,
        city: str,
        state: str,
        *,
        permit_url: str | None,
        permit_config: dict[str, Any] | None,
        permit_search_strategy: str = "socrata",
        assessor_url: str | None = None,
        assessor_search_url_template: str | None = None,
        assessor_config: dict[str, Any] | None = None,
        active: bool = True,
        **facts: Any,
    ) -> None:
        """Says where a city's permits and parcels are, adding the city if we do not know it.

        Seeding leaves a city that was pointed somewhere alone. `facts` are further columns, such as `timezone`.
        """
        where = {
            "permit_url": permit_url,
            "permit_search_strategy": permit_search_strategy,
            "permit_config": permit_config,
            "assessor_url": assessor_url,
            "assessor_search_url_template": assessor_search_url_template,
            "assessor_config": assessor_config,
            "active": active,
            **facts,
        }
        known = await self.get(city, state)
        name = known.city if known else city
        statement = insert(TargetCity).values(city=name, state=state.upper(), **where)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["city", "state"], set_={**where, "updated_at": func.now()})
        )

    async def record_scrape(self, city: str, state: str, permits: int, at: datetime) -> None:
        """Notes a finished scrape and how many permits it added."""
        await self._session.execute(
            update(TargetCity)
            .where(_is(city, state))
            .values(
                first_scraped_at=func.coalesce(col(TargetCity.first_scraped_at), at),
                last_scraped_at=at,
                total_permits_found=col(TargetCity.total_permits_found) + permits,
            )
        )


def _is(city: str, state: str) -> Any:
    return (func.lower(col(TargetCity.city)) == city.lower()) & (col(TargetCity.state) == state.upper())
