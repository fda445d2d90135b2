"""Tables of the form "from this value on, so many points"."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Band:
    """Values from `floor` on (beyond it when `exclusive`) earn `points`; `label` says so in words."""

    floor: Number
    points: int
    label: str
    exclusive: bool = False

    def holds(self, value: Number) -> bool:
        """Whether the value reaches this band; decision 0001 says which floors are exclusive."""
        return value > self.floor if self.exclusive else value >= self.floor


def band_for(bands: Sequence[Band], value: Number) -> Band:
    """The first band, from the highest down, that holds the value; the last one holds everything else."""
    return next((band for band in bands if band.holds(value)), bands[-1])
