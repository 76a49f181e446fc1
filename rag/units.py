"""A passage to the pieces an answer may quote: sentences, and lists, tables, formulas and code that are quoted whole."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

from rag.sentences import sentence_spans
from rag.words import terms

Kind = Literal["sentence", "list", "table", "code", "formula"]

FENCE = re.compile(r"\s*(```|~~~)")
ITEM = re.compile(r"(\s*)([-*+]|\d{1,3}[.)])\s+(?=\S)")
# A sentence that opens like this leans on the one before it.
LEANING = re.compile(
    r"""(?x)^(?:["“'‘]|(?:it|its|they|their|them|this|that|these|those|he|she|such|here|there|then|thus|hence|so|but|and|or|also|
    however|therefore|otherwise|instead|moreover|furthermore|similarly|likewise|conversely|meanwhile|nevertheless|
    both|neither|either|the\ (?:former|latter|same|other|second|third|rest|opposite|reverse)|
    for\ (?:example|instance)|in\ (?:contrast|that\ case|this\ case|addition|practice,|other\ words)|as\ (?:a\ result|above)|
    on\ the\ other\ hand|in\ (?:this|these|the)\ (?:simulat\w+|code|example|table|run|output)|
    another|a\ (?:second|third)|finally|next|after\ that|at\ that\ point|the\ answer)\b)""",
    re.IGNORECASE,
)
# Such a sentence is nothing without the block after it.
ANNOUNCING = re.compile(
    r"[\w:,`…]$|\b(in this order|as follows|these (\w+ )?(checks|steps|questions))\b"
    r"|\b(has|have|are|in|into|by|for|of|with|from|needs?|takes?|follow|try|these|the following)"
    r" (two|three|four|five|six|seven|eight|nine|ten|several|order|this order|these)\b[^.;,]*[.]$",
    re.I,
)
# Such a sentence is nothing without what comes of it.
SUPPOSING = re.compile(r"(take|suppose|imagine|assume|consider)\b[^.]*\d", re.I)


@dataclass(frozen=True)
class Unit:
    """A quotable piece; `start` and `end` count from the passage's own first character."""

    kind: Kind
    start: int
    end: int
    text: str
    paragraph: int
    items: tuple[tuple[int, int], ...] = ()

    @property
    def words(self) -> int:
        """Words of prose: code is not read word by word."""
        return 0 if self.kind == "code" else len(self.text.split())

    @cached_property
    def terms(self) -> frozenset[str]:
        return frozenset(terms(self.text))

    def cut(self, words: int) -> "Unit":
        """A list's first items that fit, where at least two do; else the piece whole."""
        for count in range(len(self.items), 1, -1):
            end = self.items[count - 1][1]
            shorter = replace(self, end=end, text=self.text[: end - self.start], items=self.items[:count])
            if shorter.words <= words:
                return shorter
        return self

    @property
    def leans(self) -> bool:
        """Whether the piece makes no sense without the one before it."""
        return self.kind != "sentence" or LEANING.match(self.text) is not None

    def announces(self, following: "Unit") -> bool:
        """Whether the piece makes no sense without the one that follows it."""
        blocks = ANNOUNCING.search(self.text) is not None and following.kind != "sentence"
        return self.kind == "sentence" and (blocks or SUPPOSING.match(self.text) is not None)


@lru_cache(maxsize=4096)
def units(text: str) -> tuple[Unit, ...]:
    """The text's pieces in order; one question reads the same passages several times, the next one often again."""
    found: list[Unit] = []
    for paragraph, (kind, start, end) in enumerate(blocks(text)):
        if kind == "sentence":
            for a, b in sentence_spans(text[start:end]):
                first, last = without_open_quote(text, start + a, start + b)
                found.append(Unit("sentence", first, last, text[first:last], paragraph))
        else:
            items = tuple(item_spans(text, start, end)) if kind == "list" else ()
            found.append(Unit(kind, start, end, text[start:end], paragraph, items))
    return tuple(found)


def without_open_quote(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence less a quotation mark whose other half stands in another sentence: speech runs over several."""
    if text.count('"', start, end) % 2 and end - start > 2:
        start += text[start] == '"'
        end -= text[end - 1] == '"'
    return start, end


def blocks(text: str) -> Iterator[tuple[Kind, int, int]]:
    """(kind, start, end) of each block of lines, blank lines and headings left out."""
    kind: Kind | None = None
    start = end = position = 0
    closing = ""
    for line in text.splitlines(keepends=True):
        line_start, position = position, position + len(line)
        if closing:
            end = line_start + len(line.rstrip())
            if closing in line:
                yield "formula" if closing == "$$" else "code", start, end
                closing, kind = "", None
            continue
        here = kind_of(line, kind)
        opens = here in ("code", "formula")
        goes_on = here == kind or (kind == "list" and here == "sentence")  # a plain line goes on the item above it
        if kind and (opens or not goes_on):
            yield kind, start, end
            kind = None
        if here is None:
            continue
        if kind is None:
            start = line_start + len(line) - len(line.lstrip())
        kind, end = (kind or here), line_start + len(line.rstrip())
        if opens:
            mark = "$$" if here == "formula" else line.strip()[:3]
            if mark in line.strip()[2:]:
                yield here, start, end
                kind = None
            else:
                closing = mark
    if kind:
        yield kind, start, end


def kind_of(line: str, open_kind: Kind | None) -> Kind | None:
    """What the line belongs to; None when it ends a block."""
    stripped = line.strip()
    if FENCE.match(line):
        return "code"
    if stripped.startswith("$$"):
        return "formula"
    if not stripped or stripped.startswith("#"):
        return None
    if stripped.startswith("|"):
        return "table"
    return "list" if ITEM.match(line) or (open_kind == "list" and line[0] in " \t") else "sentence"


def item_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The top items of a list, markers included."""
    first_line = text.rfind("\n", 0, start) + 1
    marks = list(re.finditer(r"(?m)^([ \t]*)([-*+]|\d{1,3}[.)])\s+(?=\S)", text[first_line:end]))
    indent = min((len(match.group(1)) for match in marks), default=0)
    tops = [first_line + match.start(2) for match in marks if len(match.group(1)) <= indent]
    for first, following in zip(tops, [*tops[1:], end], strict=True):
        yield first, first + len(text[first:following].rstrip())
