"""Numbers that resolve: each stands for one exact span of one guide, and what is said is held against it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.markers import statements
from rag.types import Citation, Passage
from rag.units import Unit

LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
LINK_WORDS = r"\1"
NOT_ANSWERED = "*The guides do not answer this part.*"


@dataclass(frozen=True)
class Segment:
    """Neighbouring units of one passage, quoted as one span; `echoes` are other guides' sentences that say what one unit says."""

    passage: Passage
    units: tuple[Unit, ...]
    echoes: tuple[tuple[Unit, "Segment"], ...] = ()


@dataclass(frozen=True)
class Cited:
    """An answer's text with `[n]` after every sentence, item and block, and what each number stands for."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Section:
    """What answers one of several questions asked at once; without a title, what answers the only one."""

    title: str
    segments: tuple[Segment, ...]


def resolve(sections: Sequence[Section]) -> Cited:
    """Number the segments in the order they are read."""
    blocks: list[str] = []
    citations: list[Citation] = []
    for section in sections:
        if section.title:
            blocks.append(f"**{section.title}**")
        if not section.segments:
            blocks.append(NOT_ANSWERED)
        for segment in section.segments:
            number = len(citations) + 1
            citations.append(citation(number, segment))
            also: dict[int, list[int]] = {}
            for unit, echo in segment.echoes:
                citations.append(citation(len(citations) + 1, echo))
                also.setdefault(unit.start, []).append(len(citations))
            blocks.extend(paragraphs(segment, number, also))
    return Cited("\n\n".join(blocks), tuple(citations))


def paragraphs(segment: Segment, number: int, also: Mapping[int, Sequence[int]]) -> list[str]:
    """The segment's units as they stand in the answer, sentences of one paragraph together."""
    blocks: list[str] = []
    previous: Unit | None = None
    for unit in segment.units:
        piece = written(unit, " ".join(f"[{cited}]" for cited in (number, *also.get(unit.start, ()))))
        if previous and unit.kind == "sentence" == previous.kind and unit.paragraph == previous.paragraph:
            blocks[-1] += " " + piece
        else:
            blocks.append(piece)
        previous = unit
    return blocks


def citation(number: int, segment: Segment) -> Citation:
    text, source = segment.passage.text, segment.passage.source
    start, end = segment.units[0].start, segment.units[-1].end
    place = replace(source, line=source.line and source.line + text.count("\n", 0, start)).place
    first, last = source.start + start, source.start + end
    heading = segment.passage.heading_at(start)
    return Citation(number, source.doc_id, source.title, heading, place, first, last, text[start:end])


def written(unit: Unit, mark: str) -> str:
    """The unit as it stands in the answer: verbatim, less line wraps and link targets, with its mark."""
    if unit.kind == "sentence":
        return f"{plain(unit.text)} {mark}"
    if unit.kind == "list":
        items = [unit.text[start - unit.start : end - unit.start] for start, end in unit.items]
        return marked("\n".join(f"{LINK.sub(LINK_WORDS, item).rstrip()} {mark}" for item in items), mark)
    return f"{unit.text}\n\n{mark}"


def marked(text: str, mark: str) -> str:
    """The list with its mark after every sentence: an item may hold several."""
    for statement in reversed(statements(text)):
        if not statement.numbers:
            text = f"{text[: statement.end]} {mark}{text[statement.end :]}"
    return text


def plain(text: str) -> str:
    """One line of text: wraps joined, links reduced to their words."""
    return " ".join(LINK.sub(LINK_WORDS, text).split())
