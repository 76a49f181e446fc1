"""The small frozen records that carry everything between rooms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Status = Literal["answered", "not_in_corpus"]
Length = Literal["short", "standard", "deep"]  # 30 seconds, 2 minutes, at the whiteboard
LENGTHS: tuple[Length, ...] = get_args(Length)


@dataclass(frozen=True)
class Document:
    """One source file as text; `text[start:end]` is how everything else points into it."""

    id: str
    title: str
    text: str
    format: Literal["markdown", "plain"] = "markdown"
    body_start: int = 0
    area: str = ""
    roles: tuple[str, ...] = ()
    level: str = ""
    aliases: tuple[str, ...] = ()
    asks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # heading → how people ask for that section
    lines_match_file: bool = True


@dataclass(frozen=True)
class Chunk:
    """A passage of one document: `document.text[start:end] == text`, always."""

    doc_id: str
    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Where an indexed passage stands: a passage that two guides share has two."""

    doc_id: str
    title: str
    area: str
    start: int
    end: int
    heading_path: tuple[str, ...]
    line: int | None

    @property
    def place(self) -> str:
        return f"{self.doc_id}:{self.line}" if self.line else self.doc_id


@dataclass(frozen=True)
class Passage:
    """A passage with the score every stage gave it; higher is better everywhere.

    Neighbours that were retrieved together are one passage of several rows; `text` is the span of the first source, and
    `sections` what it spans beside the section that was hit.
    """

    id: str
    rows: tuple[int, ...]
    text: str
    sources: tuple[Source, ...]
    sections: tuple[Source, ...] = ()
    score: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        return self.sources[0]

    def heading_at(self, offset: int) -> str:
        """What the section is headed in which this character of the text stands."""
        begun = (section for section in reversed(self.sections) if section.start <= self.source.start + offset)
        return next(begun, self.source).heading_path[-1]


@dataclass(frozen=True)
class Citation:
    """What a number in the answer stands for: an exact span of one document."""

    number: int
    doc_id: str
    guide: str
    heading: str
    place: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Filters:
    """Narrow retrieval to guides of these areas, roles or levels; empty means all."""

    areas: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    def groups(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        named = (("area", self.areas), ("role", self.roles), ("level", self.levels))
        return ((name, values) for name, values in named if values)


@dataclass(frozen=True)
class Turn:
    """One earlier exchange of the conversation."""

    question: str
    answer: str = ""


@dataclass(frozen=True)
class Answer:
    question: str
    status: Status
    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    trace: Mapping[str, Any]
