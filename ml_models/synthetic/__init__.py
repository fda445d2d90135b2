"""Roofs of known truth, drawn: what the models learn from and what the sandbox shows (numpy and OpenCV only)."""

from ml_models.synthetic.render import Render, TrueBox, render_overhead, render_street
from ml_models.synthetic.truth import (
    Footprint,
    RoofShape,
    RoofTruth,
    Split,
    TrueDamage,
    condition_for_age,
    sample_truth,
)

__all__ = [
    "Footprint",
    "Render",
    "RoofShape",
    "RoofTruth",
    "Split",
    "TrueBox",
    "TrueDamage",
    "condition_for_age",
    "render_overhead",
    "render_street",
    "sample_truth",
]
