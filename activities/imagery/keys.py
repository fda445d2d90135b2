"""Where every picture of a property lives in the object store (spec 3.3.2; decision 0005)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.roof import STREET_VIEWS, DamageType, View


class ImageType(StrEnum):
    """`property_images.image_type` (spec 4.2.1)."""

    SATELLITE = "satellite"
    STREET_VIEW = "street_view"
    PROCESSED = "processed"
    SUPER_RES = "super_res"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to have of a property."""

    source: ImageType
    view: View


SHOTS = (
    Shot(ImageType.SATELLITE, View.OVERHEAD),
    *(Shot(ImageType.STREET_VIEW, view) for view in STREET_VIEWS),
)
"""The five pictures of a property (spec 3.1.3)."""


def shot_of(view: View) -> Shot:
    """The shot that shows a view."""
    return next(shot for shot in SHOTS if shot.view is view)


def original_key(lead_id: UUID, shot: Shot) -> str:
    """As the vendor sent it; what the models see."""
    return f"images/{lead_id}/original/{shot.source}/{shot.view}.jpg"


def preprocessed_key(lead_id: UUID, shot: Shot) -> str:
    """Standardised and enhanced, 1024×1024, for people."""
    return f"images/{lead_id}/preprocessed/{shot.source}/{shot.view}.jpg"


def transformed_key(lead_id: UUID, damage: DamageType, shot: Shot) -> str:
    """The preprocessed picture with one kind of damage brought out."""
    return f"images/{lead_id}/transformed/{damage}/{shot.source}/{shot.view}.jpg"


def super_res_key(lead_id: UUID, shot: Shot) -> str:
    """Reserved: nothing writes it until there is a super-resolution model."""
    return f"images/{lead_id}/super_res/{shot.source}/{shot.view}.jpg"


def overlay_key(lead_id: UUID, view: View) -> str:
    """What the models saw, drawn over the original."""
    return f"images/{lead_id}/analysis/{view}.jpg"


def sidecar_key(image_key: str) -> str:
    """The JSON file beside an image."""
    return image_key.removesuffix(".jpg") + ".json"
