"""Numbers that resolve: each stands for one exact span of one guide, and what is said is held against it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import Citation, Passage
from rag.units import Unit

LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
LINK_WORDS = r"\1"


@dataclass(frozen=True)
class Segment:
    """Neighbouring units of one passage, quoted as one span."""

    passage: Passage
    units: tuple[Unit, ...]

    @property
    def words(self) -> int:
        return sum(unit.words for unit in self.units)

    @property
    def span(self) -> tuple[int, int]:
        return self.units[0].start, self.units[-1].end


@dataclass(frozen=True)
class Cited:
    """An answer's text with `[n]` after every sentence, item and block, and what each number stands for."""

    text: str
    citations: tuple[Citation, ...]


def resolve(segments: Sequence[Segment]) -> Cited:
    """Number the segments in the order they are read."""
    blocks: list[str] = []
    citations = []
    for number, segment in enumerate(segments, start=1):
        citations.append(citation(number, segment))
        previous: Unit | None = None
        for unit in segment.units:
            piece = written(unit, number)
            if previous and unit.kind == "sentence" == previous.kind and unit.paragraph == previous.paragraph:
                blocks[-1] += " " + piece
            else:
                blocks.append(piece)
            previous = unit
    return Cited("\n\n".join(blocks), tuple(citations))


def citation(number: int, segment: Segment) -> Citation:
    source = segment.passage.source
    start, end = segment.span
    line = source.line and source.line + segment.passage.text.count("\n", 0, start)
    return Citation(
        number=number,
        doc_id=source.doc_id,
        guide=source.title,
        heading=source.heading_path[-1],
        place=f"{source.doc_id}:{line}" if line else source.doc_id,
        start=source.start + start,
        end=source.start + end,
        quote=segment.passage.text[start:end],
    )


def written(unit: Unit, number: int) -> str:
    """The unit as it stands in the answer: verbatim, less line wraps and link targets, with its number."""
    if unit.kind == "sentence":
        return f"{plain(unit.text)} [{number}]"
    if unit.kind == "list":
        items = [unit.text[start - unit.start : end - unit.start] for start, end in unit.items]
        return "\n".join(f"{LINK.sub(LINK_WORDS, item).rstrip()} [{number}]" for item in items)
    return f"{unit.text}\n\n[{number}]"


def plain(text: str) -> str:
    """One line of text: wraps joined, links reduced to their words."""
    return " ".join(LINK.sub(LINK_WORDS, text).split())
