"""Geographic clusters of leads: nearest within two miles, else a new one (spec 3.5.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid5

from domain.geo import Point, miles_between

CLUSTER_NAMESPACE = UUID("0d8a5c1e-3b47-5f6a-8e21-94c7d2f0b6a3")
RADIUS_MILES = 2.0
MIN_LEADS = 10
MAX_LEADS = 100


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's id and centre."""

    id: UUID
    center: Point


@dataclass(frozen=True, slots=True)
class Assignment:
    """The cluster a lead belongs to; `miles` from its centre (0 for a new one)."""

    cluster: Cluster
    miles: float
    created: bool


def assign(lead_id: UUID, at: Point, clusters: Iterable[Cluster]) -> Assignment:
    """Nearest cluster within two miles (two miles exactly counts; ties go to the lower id), else a new one here.

    A cluster's centre never moves, so its two miles stay a promise.
    """
    near = [(miles, cluster) for cluster in clusters if (miles := miles_between(at, cluster.center)) <= RADIUS_MILES]
    if near:
        miles, cluster = min(near, key=lambda pair: (pair[0], pair[1].id))
        return Assignment(cluster, miles, created=False)
    return Assignment(Cluster(cluster_id_for(lead_id), at), 0.0, created=True)


def cluster_id_for(founder: UUID) -> UUID:
    """Id of the cluster a lead founds: the same when the founding is retried."""
    return uuid5(CLUSTER_NAMESPACE, str(founder))


def cluster_name(city: str, state: str, cluster_id: UUID) -> str:
    """What people call a cluster."""
    return f"{city}, {state} · {str(cluster_id)[:4].upper()}"


def is_small(lead_count: int) -> bool:
    """Due for merging in the weekly optimisation."""
    return lead_count < MIN_LEADS


def is_large(lead_count: int) -> bool:
    """Due for splitting in the weekly optimisation."""
    return lead_count > MAX_LEADS
