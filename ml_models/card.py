"""The model card: what the committed weights are, what they were trained on and what they scored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CARD_FILE = "model_card.json"
CARD_TEXT = "MODEL_CARD.md"
ROLES = ("classifier", "detector", "segmentor")


class WeightsMissing(RuntimeError):
    """A weights file or the model card is not there, or is not the file that the card describes."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One network: what it is called, its file and how its input is made."""

    role: str
    name: str
    version: str
    file: str
    sha256: str
    bytes: int
    input_px: int
    pictures_seen: int
    licence: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns raw scores into honest ones, fitted on the validation set.

    `temperatures` divide the classifier's logits, by kind of view. A raw detector score s becomes the
    probability 1 / (1 + exp(-(slope * logit(s) + intercept))); raw scores below `detector_threshold` are dropped.
    """

    temperatures: Mapping[str, float]
    detector_slope: float
    detector_intercept: float
    detector_threshold: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything a reader of a score must know. `scores` are held-out scores unless their name says otherwise."""

    version: str
    trained_on: str
    warning: str
    models: Mapping[str, ModelEntry]
    calibration: Calibration
    data: Mapping[str, Any]
    scores: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "version": self.version,
            "trained_on": self.trained_on,
            "warning": self.warning,
            "models": {role: {k: getattr(m, k) for k in ModelEntry.__slots__} for role, m in self.models.items()},
            "calibration": {k: getattr(self.calibration, k) for k in Calibration.__slots__},
            "data": dict(self.data),
            "scores": dict(self.scores),
        }


def read_card(directory: Path) -> ModelCard:
    """The card of a weights folder.

    Raises:
        WeightsMissing: there is no readable card.
    """
    path = directory / CARD_FILE
    try:
        raw = json.loads(path.read_text())
        return ModelCard(
            version=raw["version"],
            trained_on=raw["trained_on"],
            warning=raw["warning"],
            models={role: ModelEntry(**raw["models"][role]) for role in ROLES},
            calibration=Calibration(**raw["calibration"]),
            data=raw["data"],
            scores=raw["scores"],
        )
    except FileNotFoundError as missing:
        raise WeightsMissing(
            f"no model card at {path}: run `python -m ml_models train` or check models_dir"
        ) from missing
    except (ValueError, KeyError, TypeError) as broken:
        raise WeightsMissing(f"the model card at {path} is not readable: {broken}") from broken


def write_card(card: ModelCard, directory: Path) -> None:
    """Write the card as JSON and as Markdown."""
    (directory / CARD_FILE).write_text(json.dumps(card.to_json(), indent=2) + "\n")
    (directory / CARD_TEXT).write_text(card_text(card))


def weights_path(directory: Path, entry: ModelEntry) -> Path:
    """Path of a model's weights, checked against the card.

    Raises:
        WeightsMissing: the file is not there or is another file.
    """
    path = directory / entry.file
    if not path.is_file():
        raise WeightsMissing(f"no weights at {path}: run `python -m ml_models train` or check models_dir")
    if hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
        raise WeightsMissing(f"{path} is not the file its model card describes")
    return path


def card_text(card: ModelCard) -> str:
    """The card in Markdown."""
    lines = [
        "# Model card: roof models",
        "",
        f"Version {card.version}, trained on: **{card.trained_on}**.",
        "",
        f"> {card.warning}",
        "",
        "Written by `python -m ml_models train`; the scores are measured again by `python -m ml_models evaluate`.",
        "",
        "## Models",
        "",
        "| role | network | input | file | size | pictures seen in training | SHA-256 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {m.role} | {m.name} | {m.input_px} px | `{m.file}` | {m.bytes / 1e6:.1f} MB | {m.pictures_seen:,} "
        f"| `{m.sha256[:16]}…` |"
        for m in card.models.values()
    ]
    lines += ["", "Full checksums are in `model_card.json`; the runner refuses other files.", ""]
    lines += ["## Held-out scores", "", "| measure | value |", "| --- | --- |"]
    lines += [
        f"| {name.replace('_', ' ')} | {_figure(value)} |" for name, value in card.scores.items() if not _nested(value)
    ]
    for name, value in card.scores.items():
        if _nested(value):
            lines += ["", f"### {name.replace('_', ' ').capitalize()}", "", "| | value |", "| --- | --- |"]
            lines += [f"| {key} | {_figure(inner)} |" for key, inner in value.items()]
    lines += ["", "## Data", ""]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in card.data.items()]
    lines += ["", "## Licences", ""]
    lines += [f"- {m.role}: {m.licence}" for m in card.models.values()]
    return "\n".join(lines) + "\n"


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping)


def _figure(value: Any) -> str:
    return "not measured" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
