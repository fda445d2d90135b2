"""What a language model says of a call (spec 3.6.4, call analysis). Claims: `domain.call_analysis` checks each."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Sentiment = Literal["very_positive", "positive", "neutral", "negative", "very_negative"]
Line = Annotated[str, Field(max_length=300)]


class CallAnalysis(BaseModel):
    """The schema a model answers in. Values out of range are no answer; what is left out is not so."""

    model_config = ConfigDict(extra="ignore")

    sentiment: Sentiment
    interest: int = Field(ge=0, le=100)
    wants_demo: bool = False
    demo_at: datetime | None = None
    wants_callback: bool = False
    callback_at: datetime | None = None
    not_interested: bool = False
    not_interested_reason: str | None = Field(default=None, max_length=500)
    opted_out: bool = False
    objections: list[Line] = Field(default_factory=list, max_length=20)
    questions: list[Line] = Field(default_factory=list, max_length=20)
    key_points: list[Line] = Field(default_factory=list, max_length=20)
    next_action: str = Field(default="", max_length=255)
    probability: int = Field(default=0, ge=0, le=100)
