"""Letters are written once, in lines of plain text with a few marks; both forms of a letter are made from that.

    Subject: what it says in the inbox
    # heading
    - item of a list
    = label: value                 a row of a table
    => label | address             a button
    > small print

All else is a paragraph; a blank line ends it. A paragraph may run over several lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

SUBJECT = "Subject:"


class Kind(StrEnum):
    """What a block of a letter is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEMS = "items"
    ROWS = "rows"
    BUTTON = "button"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `text` of a paragraph, heading or button; `lines` of a list; `rows` of label and value."""

    kind: Kind
    text: str = ""
    url: str = ""
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()


# A longer mark comes before the one it begins with.
MARKS = (
    ("=>", Kind.BUTTON),
    ("= ", Kind.ROWS),
    ("# ", Kind.HEADING),
    ("- ", Kind.ITEMS),
    ("> ", Kind.SMALL),
)


def read(source: str) -> tuple[str, tuple[Block, ...]]:
    """Subject and blocks of a letter. Raises ValueError for a letter without a subject, or a button without address."""
    first, _, rest = source.lstrip().partition("\n")
    if not first.startswith(SUBJECT):
        raise ValueError("a letter begins with its subject")
    return " ".join(first.removeprefix(SUBJECT).split()), tuple(_joined(_lines(rest)))


def _lines(source: str) -> Iterator[Block | None]:
    for line in source.splitlines():
        text = line.strip()
        yield _block(text) if text else None


def _block(text: str) -> Block:
    for mark, kind in MARKS:
        if text.startswith(mark):
            return _marked(kind, text.removeprefix(mark).strip())
    return Block(Kind.PARAGRAPH, text)


def _marked(kind: Kind, text: str) -> Block:
    if kind is Kind.BUTTON:
        label, _, url = text.rpartition("|")
        if not label or not url.strip():
            raise ValueError("a button has a label and an address")
        return Block(kind, label.strip(), url.strip())
    if kind is Kind.ROWS:
        label, _, value = text.partition(":")
        return Block(kind, rows=((label.strip(), value.strip()),))
    if kind is Kind.ITEMS:
        return Block(kind, lines=(text,))
    return Block(kind, text)


def _joined(blocks: Iterator[Block | None]) -> Iterator[Block]:
    """Neighbouring items become one list, rows one table, lines one paragraph; None is a blank line."""
    open_block: Block | None = None
    for block in blocks:
        if open_block is not None and block is not None and block.kind is open_block.kind:
            merged = _merged(open_block, block)
            if merged is not None:
                open_block = merged
                continue
        if open_block is not None:
            yield open_block
        open_block = block
    if open_block is not None:
        yield open_block


def _merged(one: Block, other: Block) -> Block | None:
    if one.kind in (Kind.PARAGRAPH, Kind.SMALL):
        return replace(one, text=f"{one.text} {other.text}")
    if one.kind is Kind.ITEMS:
        return replace(one, lines=one.lines + other.lines)
    if one.kind is Kind.ROWS:
        return replace(one, rows=one.rows + other.rows)
    return None
