"""Shares of a whole, and how sure one may be of them."""

from math import sqrt

ONE_SIDED_95 = 1.6449
"""Standard deviations that a normal variable stays below in 95 of 100 cases."""


def share(part: int, whole: int) -> float | None:
    """`part / whole`; None without a whole, for then there is nothing to say."""
    return part / whole if whole > 0 else None


def wilson_low(part: int, whole: int, z: float = ONE_SIDED_95) -> float:
    """What the true share exceeds with 95 % confidence (Wilson's score interval); 0 without a whole."""
    if whole <= 0:
        return 0.0
    middle, margin, scale = _wilson(part, whole, z)
    return max(0.0, (middle - margin) / scale)


def wilson_high(part: int, whole: int, z: float = ONE_SIDED_95) -> float:
    """What the true share stays below with 95 % confidence; 1 without a whole."""
    if whole <= 0:
        return 1.0
    middle, margin, scale = _wilson(part, whole, z)
    return min(1.0, (middle + margin) / scale)


def _wilson(part: int, whole: int, z: float) -> tuple[float, float, float]:
    observed = min(max(part, 0), whole) / whole
    middle = observed + z * z / (2 * whole)
    margin = z * sqrt(observed * (1 - observed) / whole + z * z / (4 * whole * whole))
    return middle, margin, 1 + z * z / whole
