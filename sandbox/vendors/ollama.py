"""Ollama: a language model that knows the sandbox's truth. It reads a transcript it made up itself, or lies on demand.

Without a conversation of ours in the prompt it writes a paragraph from the facts it finds there, one per line as
`name: value`. The same question always gets the same answer.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from sandbox.models import Mood
from sandbox.world import World

GARBAGE = "Sure! Here is what I think about it: {interest: very"
_FACT = re.compile(r"^\s*[-*]?\s*(?P<name>[A-Za-z][A-Za-z _]{1,40}?)\s*[:=]\s*(?P<value>\S.{0,200})$", re.MULTILINE)
_WORDS_OF_CONVERSATION = frozenset({"ai", "user", "assistant"})


class Message(BaseModel):
    """One message of a chat."""

    model_config = ConfigDict(extra="allow")

    role: Annotated[str, Field(pattern="^(system|user|assistant|tool)$")]
    content: str = ""


class Question(BaseModel):
    """The body of /api/chat and /api/generate."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, Field(min_length=1)]
    messages: list[Message] = []
    prompt: str = ""
    system: str = ""
    format: dict[str, Any] | str | None = None
    stream: bool = True
    options: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """All that was said to the model."""
        return "\n".join([self.system, self.prompt, *(message.content for message in self.messages)])


class MoodChange(BaseModel):
    """The mood of a model, or of all without one."""

    model_config = ConfigDict(extra="forbid")

    mood: Mood
    model: str | None = None


def router(world: World) -> APIRouter:
    """Routes under /ollama and their control."""
    routes = APIRouter()

    def answer(question: Question, wrap: str) -> JSONResponse | StreamingResponse:
        world.models.asked.append(question.model)
        mood = world.models.mood(question.model)
        if mood == "missing":
            message = f"model '{question.model}' not found"
            return JSONResponse({"error": message}, status_code=404)
        words, reason = says(world, question, mood)
        body = _body(question, words, reason, wrap)
        if not question.stream:
            return JSONResponse(body)
        return StreamingResponse(iter([json.dumps(body) + "\n"]), media_type="application/x-ndjson")

    @routes.post("/ollama/api/chat", response_model=None)
    def chat(question: Question) -> JSONResponse | StreamingResponse:
        return answer(question, "message")

    @routes.post("/ollama/api/generate", response_model=None)
    def generate(question: Question) -> JSONResponse | StreamingResponse:
        return answer(question, "response")

    @routes.get("/ollama/api/tags")
    def tags() -> dict[str, Any]:
        return {"models": [{"name": "llama3.2:3b"}, {"name": "mistral:7b-instruct"}]}

    @routes.get("/control/ollama")
    def moods() -> dict[str, Any]:
        return {"mood": world.models.everyone, "own": world.models.own, "asked": world.models.asked}

    @routes.post("/control/ollama")
    def change(wanted: MoodChange) -> dict[str, Any]:
        world.models.set(wanted.mood, wanted.model)
        return moods()

    @routes.delete("/control/ollama")
    def calm() -> dict[str, Any]:
        world.models.clear()
        return moods()

    return routes


def says(world: World, question: Question, mood: Mood) -> tuple[str, str]:
    """The model's words, and why it stopped."""
    if mood == "garbage":
        return GARBAGE, "stop"
    told = _answer(world, question, invent=mood == "inventive")
    words = told if isinstance(told, str) else json.dumps(told)
    return (words[: max(1, len(words) // 2)], "length") if mood == "truncated" else (words, "stop")


def _answer(world: World, question: Question, invent: bool) -> dict[str, Any] | str:
    schema = question.format if isinstance(question.format, dict) else {}
    conversation = world.telephone.said_in(question.text)
    if conversation is None and "wants_demo" not in schema.get("properties", {}):
        paragraph = compose(question.text, invent)
        return fill(schema, {}, paragraph) if schema else paragraph
    truth = dict(conversation.truth) if conversation is not None else {}
    return fill(schema, truth | (_inventions() if invent else {}), "")


def fill(schema: dict[str, Any], known: dict[str, Any], words: str) -> dict[str, Any]:
    """An object in this schema: what is known by its name, else the least that the type allows."""
    return {
        name: known[name] if name in known else _least(schema, rule, words)
        for name, rule in schema.get("properties", {}).items()
    }


def compose(text: str, invent: bool) -> str:
    """One or two sentences from the facts in the prompt."""
    facts = {
        match["name"].strip().lower().replace(" ", "_"): match["value"].strip().strip('"')
        for match in _FACT.finditer(text)
    }
    facts = {name: value for name, value in facts.items() if name not in _WORDS_OF_CONVERSATION}
    company = facts.get("company") or facts.get("company_name") or "your company"
    city = facts.get("city") or "your city"
    sentences = [f"I looked at what {company} does in {city} and thought of the roofs there."]
    if "years_in_business" in facts:
        sentences.append(f"After {facts['years_in_business']} years in business you know which of them are due.")
    if invent:
        sentences.append("Your 4,812 five-star reviews and last year's $9.4 million in sales are the talk of Denver.")
    return " ".join(sentences)


def _inventions() -> dict[str, Any]:
    """What nobody ever said."""
    return {
        "sentiment": "very_positive",
        "interest": 97,
        "wants_demo": True,
        "demo_at": (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0).isoformat(),
        "wants_callback": False,
        "callback_at": None,
        "not_interested": False,
        "opted_out": False,
        "objections": ["our competitor charges half of that"],
        "questions": ["Can you deliver five hundred leads a month?"],
        "next_action": "Send the contract today.",
        "probability": 99,
    }


def _least(schema: dict[str, Any], rule: dict[str, Any], words: str) -> Any:
    """The plainest value of a JSON schema; `words` for free text."""
    if "$ref" in rule:
        rule = schema.get("$defs", {}).get(rule["$ref"].rsplit("/", 1)[-1], {})
    if "default" in rule:
        return rule["default"]
    options = rule.get("anyOf") or rule.get("oneOf") or []
    if any(option.get("type") == "null" for option in options):
        return None
    if options:
        return _least(schema, options[0], words)
    if "enum" in rule:
        return "neutral" if "neutral" in rule["enum"] else rule["enum"][0]
    plain: dict[str, Any] = {"boolean": False, "integer": 0, "number": 0, "array": [], "object": {}}
    return plain.get(str(rule.get("type")), words)


def _body(question: Question, words: str, reason: str, wrap: str) -> dict[str, Any]:
    content: Any = {"role": "assistant", "content": words} if wrap == "message" else words
    tokens = len(words.split())
    return {
        "model": question.model,
        "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        wrap: content,
        "done": True,
        "done_reason": reason,
        "total_duration": 1_000_000 * tokens,
        "load_duration": 1_000_000,
        "prompt_eval_count": len(question.text.split()),
        "prompt_eval_duration": 1_000_000,
        "eval_count": tokens,
        "eval_duration": 1_000_000 * tokens,
    }
