"""A local language model through Ollama: answers in a schema, or none (spec 3.6.4, call analysis).

What the model says is a claim, not a fact: whoever asks checks it against what was given. Prompts hold what
people said, so neither they nor answers ever reach a log or an error.
"""

import time
from dataclasses import dataclass
from decimal import Decimal
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from integrations.http import (
    ApiCall,
    CallMeter,
    VendorError,
    VendorNotReached,
    VendorRejected,
    VendorUnavailable,
    VendorUnreadable,
)

if TYPE_CHECKING:
    from ollama import AsyncClient

    from config.settings import Settings

VENDOR = "ollama"
CONTEXT_TOKENS = 8_192
"""A long call's transcript and the question; Ollama silently cuts what does not fit its smaller default."""
ANSWER_TOKENS = 1_024

AnswerT = TypeVar("AnswerT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer(Generic[AnswerT]):
    """A valid answer and the model that gave it."""

    value: AnswerT
    model: str


class LanguageModel:
    """The first model, and one to fall back on when it is missing, slow, or talks no sense."""

    def __init__(self, *, host: str, models: tuple[str, ...], timeout: float, meter: CallMeter) -> None:
        self._host = host
        self._models = tuple(dict.fromkeys(name for name in models if name))
        self._timeout = timeout
        self._meter = meter
        self._client: AsyncClient | None = None

    @classmethod
    def from_settings(cls, settings: "Settings", meter: CallMeter) -> Self:
        """The server and models that the settings name."""
        return cls(
            host=settings.ollama_base_url,
            models=(settings.ollama_model, settings.ollama_fallback_model),
            timeout=settings.ollama_timeout_seconds,
            meter=meter,
        )

    async def ask(self, prompt: str, schema: type[AnswerT]) -> AnswerT:
        """The answer to `prompt` as `schema`; errors as for `answer`."""
        return (await self.answer(prompt, schema)).value

    async def answer(self, prompt: str, schema: type[AnswerT]) -> Answer[AnswerT]:
        """The answer and who gave it.

        Raises VendorNotReached when nobody listens, VendorUnavailable when another try may help, and
        VendorUnreadable when no model gave a whole, valid answer.
        """
        failures: list[VendorError] = []
        for model in self._models:
            try:
                return Answer(await self._ask(model, prompt, schema), model)
            except VendorNotReached:
                raise
            except VendorError as failure:
                failures.append(failure)
        down = next((failure for failure in failures if isinstance(failure, VendorUnavailable)), None)
        raise down or VendorUnreadable(VENDOR, "chat", "no model gave a valid answer")

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]

    async def _ask(self, model: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        started = time.perf_counter()
        error: str | None = None
        status: int | None = None
        try:
            answer = await self._chat(model, prompt, schema.model_json_schema())
            status = 200
            return _read(answer, schema)
        except Exception as failure:
            told = explain(failure)
            if told is None:
                raise
            error, status = str(told), getattr(failure, "status_code", status)
            # The cause may quote the answer: it stays here.
            raise told from None
        finally:
            elapsed = int((time.perf_counter() - started) * 1000)
            await self._meter(ApiCall(VENDOR, "chat", "POST", status, elapsed, Decimal(0), error))

    async def _chat(self, model: str, prompt: str, schema: dict[str, Any]) -> Any:
        from ollama import AsyncClient

        if self._client is None:
            self._client = AsyncClient(host=self._host, timeout=self._timeout)
        return await self._client.chat(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            format=schema,
            options={"temperature": 0, "seed": 1, "num_ctx": CONTEXT_TOKENS, "num_predict": ANSWER_TOKENS},
            stream=False,
        )


def explain(failure: BaseException) -> VendorError | None:
    """A failure of the SDK or of httpx beneath it as a VendorError; None if it is none of theirs."""
    from ollama import ResponseError

    if isinstance(failure, VendorError):
        return failure
    if isinstance(failure, ResponseError):
        status = failure.status_code
        if status in (408, 425, 429) or status >= 500:
            return VendorUnavailable(VENDOR, "chat", f"HTTP {status}")
        return VendorRejected(VENDOR, "chat", f"HTTP {status}", status)
    if isinstance(failure, ConnectionError):
        return VendorNotReached(VENDOR, "chat", "not reached")
    if isinstance(failure, httpx.TimeoutException):
        return VendorUnavailable(VENDOR, "chat", "timed out")
    if isinstance(failure, httpx.TransportError | httpx.DecodingError):
        return VendorUnavailable(VENDOR, "chat", type(failure).__name__)
    if isinstance(failure, JSONDecodeError | UnicodeDecodeError | ValidationError):
        return VendorUnreadable(VENDOR, "chat", "the answer is not what was asked for")
    return None


def _read(answer: Any, schema: type[AnswerT]) -> AnswerT:
    if answer.done_reason == "length":
        raise VendorUnreadable(VENDOR, "chat", "the answer was cut off")
    return schema.model_validate_json(answer.message.content or "")
