"""Clusters of leads that lie close together (spec 3.5.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.clusters import RADIUS_MILES, Cluster, cluster_name
from domain.geo import METRES_PER_MILE, Point
from schema.repositories.base import Repository
from schema.tables import BaseLead, LeadCluster

# PostGIS measures on the ellipsoid, the rules on a sphere: look a little further and let the rules decide.
_SEARCH_METRES = RADIUS_MILES * METRES_PER_MILE * 1.02

_NEAR = text(
    """
    SELECT id, center_lat, center_lng, exclusive_contractor_id, exclusivity_expires_at
    FROM lead_clusters
    WHERE lower(city) = lower(:city) AND state = :state
      AND ST_DWithin(
          ST_SetSRID(ST_MakePoint(center_lng::float8, center_lat::float8), 4326)::geography,
          ST_SetSRID(ST_MakePoint(:lng, :lat), 4326)::geography,
          :metres)
    ORDER BY id
    """
)

_RECOUNT = text(
    """
    UPDATE lead_clusters AS cluster
    SET lead_count = found.leads,
        avg_quality_score = found.score,
        total_value = found.value,
        leads_available = found.available,
        leads_sold = found.sold,
        updated_at = now()
    FROM (
        SELECT wanted.id,
               count(lead.id) AS leads,
               round(avg(lead.quality_score), 2) AS score,
               COALESCE(sum(lead.price), 0) AS value,
               count(lead.id) FILTER (WHERE lead.status = 'available') AS available,
               count(lead.id) FILTER (WHERE lead.status = 'sold') AS sold
        FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
        LEFT JOIN base_leads lead ON lead.cluster_id = wanted.id
        GROUP BY wanted.id
    ) AS found
    WHERE cluster.id = found.id
    """
)


@dataclass(frozen=True, slots=True)
class NearCluster:
    """A cluster near a place and the contractor its territory belongs to, if any."""

    cluster: Cluster
    exclusive_to: UUID | None
    exclusive_until: datetime | None

    def owner_at(self, now: datetime) -> UUID | None:
        """The contractor with the exclusive right at that moment."""
        over = self.exclusive_until is not None and self.exclusive_until <= now
        return None if over else self.exclusive_to


class ClusterRepository(Repository):
    """`lead_clusters`."""

    async def lock(self, city: str, state: str) -> None:
        """Waits for other assignments in this city, so that two never found a cluster for one place."""
        await self._session.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"clusters:{state}:{city}".lower(), 0)))
        )

    async def near(self, city: str, state: str, at: Point) -> list[NearCluster]:
        """The city's clusters within about two miles of a point."""
        values = {"city": city, "state": state, "lat": at.lat, "lng": at.lng, "metres": _SEARCH_METRES}
        found = await self._session.execute(_NEAR, values)
        return [
            NearCluster(Cluster(cluster_id, Point(float(lat), float(lng))), owner, until)
            for cluster_id, lat, lng, owner, until in found
        ]

    async def get(self, cluster_id: UUID) -> LeadCluster | None:
        """The cluster, or None."""
        return await self._session.get(LeadCluster, cluster_id, populate_existing=True)

    async def found(self, cluster: Cluster, city: str, state: str) -> None:
        """Makes a new cluster exist."""
        await self._session.execute(
            insert(LeadCluster)
            .values(
                id=cluster.id,
                cluster_name=cluster_name(city, state, cluster.id),
                city=city,
                state=state,
                center_lat=round(cluster.center.lat, 8),
                center_lng=round(cluster.center.lng, 8),
                radius_miles=RADIUS_MILES,
            )
            .on_conflict_do_nothing(index_elements=["id"])
        )

    async def place(self, lead_id: UUID, cluster_id: UUID) -> UUID | None:
        """Puts a lead into a cluster; returns the one it was in before."""
        before: UUID | None = await self._session.scalar(
            select(col(BaseLead.cluster_id)).where(col(BaseLead.id) == lead_id).with_for_update()
        )
        if before != cluster_id:
            await self._session.execute(
                update(BaseLead)
                .where(col(BaseLead.id) == lead_id)
                .values(cluster_id=cluster_id)
                .execution_options(synchronize_session=False)
            )
        return before

    async def recount(self, cluster_ids: Iterable[UUID | None]) -> None:
        """Computes the statistics of these clusters anew, in one statement; `total_value` is the sum of prices."""
        ids = sorted({cluster_id for cluster_id in cluster_ids if cluster_id is not None})
        if ids:
            await self._session.execute(_RECOUNT, {"ids": ids})
