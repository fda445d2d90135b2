"""The moods of the sandbox's language models: each tells the truth until it is told otherwise."""

from typing import Literal

Mood = Literal["truthful", "inventive", "garbage", "truncated", "missing"]


class Models:
    """The mood of every model, and of those that have one of their own."""

    def __init__(self) -> None:
        self.everyone: Mood = "truthful"
        self.own: dict[str, Mood] = {}
        self.asked: list[str] = []

    def clear(self) -> None:
        """Back to the truth."""
        self.everyone = "truthful"
        self.own.clear()
        self.asked.clear()

    def mood(self, model: str) -> Mood:
        """How this model feels."""
        return self.own.get(model, self.everyone)

    def set(self, mood: Mood, model: str | None) -> None:
        """Change the mood of a model, or of all."""
        if model is None:
            self.everyone = mood
            self.own.clear()
        else:
            self.own[model] = mood
