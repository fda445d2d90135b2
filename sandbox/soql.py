"""The part of Socrata's query language that permit portals are asked in, parsed by hand and never evaluated as code."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 40
Row = Mapping[str, Any]
Predicate = Callable[[Row], bool]
Value = Callable[[Row], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_:@][\w:@]*)"
    r"|(?P<quoted>`[^`]*`)|(?P<mark><=|>=|!=|<>|=|<|>|\(|\)|,|\*))"
)
_FUNCTIONS: dict[str, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_WORDS = frozenset({"and", "or", "not", "like", "between", "in", "is", "null", "asc", "desc", "true", "false"})


class SoqlError(ValueError):
    """A query the portal refuses. `code` is Socrata's error code."""

    def __init__(self, message: str, code: str = "query.compiler.malformed") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Order:
    """A sort key."""

    column: str
    descending: bool


def where(text: str, columns: frozenset[str]) -> Predicate:
    """Compile a $where clause over known columns."""
    parser = _Parser(text, columns)
    found = parser.either(0)
    parser.end()
    return found


def order(text: str, columns: frozenset[str]) -> tuple[Order, ...]:
    """Compile an $order clause; `:id` is the row identifier."""
    parser = _Parser(text, columns)
    found = [parser.sort_key()]
    while parser.take("mark", ","):
        found.append(parser.sort_key())
    parser.end()
    return tuple(found)


def select(text: str, columns: frozenset[str]) -> tuple[str, ...] | None:
    """Compile a $select list of plain columns; None means all, as `*` does."""
    parser = _Parser(text, columns)
    if parser.take("mark", "*"):
        parser.end()
        return None
    found = [parser.column()]
    while parser.take("mark", ","):
        found.append(parser.column())
    parser.end()
    return tuple(found)


class _Parser:
    def __init__(self, text: str, columns: frozenset[str]) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._columns = columns

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def take(self, kind: str, text: str | None = None) -> str | None:
        found, value = self.peek()
        if found != kind or (text is not None and value.lower() != text):
            return None
        self._at += 1
        return value

    def need(self, kind: str, text: str | None = None) -> str:
        value = self.take(kind, text)
        if value is None:
            raise SoqlError(f"Expected {text or kind} but got {self.peek()[1]!r}")
        return value

    def end(self) -> None:
        if self.peek()[0] != "end":
            raise SoqlError(f"Unexpected {self.peek()[1]!r}")

    def either(self, depth: int) -> Predicate:
        if depth > MAX_DEPTH:
            raise SoqlError("The query is nested too deeply")
        parts = [self.both(depth)]
        while self.take("name", "or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def both(self, depth: int) -> Predicate:
        parts = [self.term(depth)]
        while self.take("name", "and"):
            parts.append(self.term(depth))
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def term(self, depth: int) -> Predicate:
        if self.take("name", "not"):
            if depth > MAX_DEPTH:
                raise SoqlError("The query is nested too deeply")
            inner = self.term(depth + 1)
            return lambda row: not inner(row)
        if self.take("mark", "("):
            inner = self.either(depth + 1)
            self.need("mark", ")")
            return inner
        return self.comparison(self.value())

    def comparison(self, left: Value) -> Predicate:
        negated = self.take("name", "not") is not None
        if self.take("name", "like"):
            found = _like(left, _text(self.need("text")))
        elif self.take("name", "between"):
            low = self.value()
            self.need("name", "and")
            high = self.value()
            found = _both(_compare(left, low, ">="), _compare(left, high, "<="))
        elif self.take("name", "in"):
            found = self.membership(left)
        elif not negated and self.take("name", "is"):
            absent = self.take("name", "not") is None
            self.need("name", "null")
            return lambda row: (left(row) is None) == absent
        elif not negated and self.peek()[1] in _COMPARISONS:
            sign = self.need("mark")
            return _compare(left, self.value(), sign)
        else:
            raise SoqlError(f"Expected a comparison but got {self.peek()[1]!r}")
        return (lambda row: not found(row)) if negated else found

    def membership(self, left: Value) -> Predicate:
        self.need("mark", "(")
        options = [self.value()]
        while self.take("mark", ","):
            options.append(self.value())
        self.need("mark", ")")
        tests = [_compare(left, option, "=") for option in options]
        return lambda row: any(test(row) for test in tests)

    def value(self) -> Value:
        kind, text = self.peek()
        if kind == "text":
            self._at += 1
            literal: object = _text(text)
            return lambda row: literal
        if kind == "number":
            self._at += 1
            number = float(text)
            return lambda row: number
        if kind == "name" and text.lower() in _FUNCTIONS and self._follows_bracket():
            change = _FUNCTIONS[text.lower()]
            self._at += 2
            inner = self.value()
            self.need("mark", ")")
            return lambda row: _changed(change, inner(row))
        if kind == "name" and self._follows_bracket():
            raise SoqlError(f"No such function '{text}'", "query.soql.no-such-function")
        name = self.column()
        return lambda row: row.get(name)

    def _follows_bracket(self) -> bool:
        return self._at + 1 < len(self._tokens) and self._tokens[self._at + 1] == ("mark", "(")

    def column(self) -> str:
        quoted = self.take("quoted")
        name = quoted.strip("`") if quoted is not None else self.need("name").lower()
        if quoted is None and name in _WORDS:
            raise SoqlError(f"Unexpected {name!r}")
        if name not in self._columns:
            raise SoqlError(f"No such column: {name}", "query.soql.no-such-column")
        return name

    def sort_key(self) -> Order:
        name = self.column()
        descending = self.take("name", "desc") is not None
        if not descending:
            self.take("name", "asc")
        return Order(name, descending)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if not match or match.end() == at:
            raise SoqlError(f"Could not parse SoQL query at character {at}")
        yield str(match.lastgroup), match.group(str(match.lastgroup))
        at = match.end()


def _text(token: str) -> str:
    return token[1:-1].replace("''", "'")


def _changed(change: Callable[[str], str], value: object) -> object:
    return change(value) if isinstance(value, str) else value


def _both(one: Predicate, other: Predicate) -> Predicate:
    return lambda row: one(row) and other(row)


def _like(left: Value, pattern: str) -> Predicate:
    # Piece by piece rather than one regular expression: many wildcards must not make the match explode.
    first, *others = (re.compile(_literal(piece), re.DOTALL) for piece in pattern.split("%"))

    def matches(row: Row) -> bool:
        value = left(row)
        if not isinstance(value, str):
            return False
        if not others:
            return first.fullmatch(value) is not None
        head = first.match(value)
        if head is None:
            return False
        at = head.end()
        for piece in others[:-1]:
            found = piece.search(value, at)
            if found is None:
                return False
            at = found.end()
        tail = len(value) - len(pattern.rpartition("%")[2])
        return tail >= at and others[-1].fullmatch(value, tail) is not None

    return matches


def _literal(piece: str) -> str:
    return "".join("." if mark == "_" else re.escape(mark) for mark in piece)


def _compare(left: Value, right: Value, sign: str) -> Predicate:
    compare = _COMPARISONS[sign]

    def holds(row: Row) -> bool:
        a, b = left(row), right(row)
        if a is None or b is None:
            return False
        if isinstance(a, float) or isinstance(b, float):
            a, b = _number(a), _number(b)
        elif isinstance(a, str) and isinstance(b, str) and _is_stamp(a) != _is_stamp(b):
            a, b = _stamp(a), _stamp(b)
        return compare(a, b)

    return holds


def _is_stamp(text: str) -> bool:
    return len(text) == 23 and text[10] == "T"


def _stamp(text: str) -> str:
    """Socrata takes `2026-07-28` and `2026-07-28T00:00:00` for a timestamp."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return f"{text}T00:00:00.000"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", text):
        return f"{text}.000"
    return text


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise SoqlError(f"Type mismatch: {value!r} is not a number", "query.soql.type-mismatch") from None
