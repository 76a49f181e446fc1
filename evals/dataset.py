"""The golden questions, and where in the guides the evidence for each stands.

`golden/<area>.jsonl` holds questions the guides answer, each with a reference answer and key facts; a fact names the places that
state it, verbatim. `golden/unanswerable.jsonl` holds questions they must not answer. Nothing enters these files by itself.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rag.catalogue import Catalogue
from rag.types import Turn

GOLDEN = Path(__file__).parent / "golden"
SPLITS = ("dev", "test")


@dataclass(frozen=True)
class Quote:
    """A verbatim stretch of a guide, named by its path under the corpus folder."""

    doc: str
    text: str


@dataclass(frozen=True)
class Fact:
    """Something an acceptable answer says; any one of the quotes is evidence enough."""

    text: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Question:
    """One golden row. `group` is its area, or the kind of an unanswerable one; those have no facts."""

    id: str
    split: str
    group: str
    style: str
    text: str
    history: tuple[Turn, ...] = ()
    reference: str = ""
    facts: tuple[Fact, ...] = ()

    @property
    def answerable(self) -> bool:
        return bool(self.facts)


@dataclass(frozen=True)
class Place:
    """A quote found: a span of one document."""

    doc_id: str
    start: int
    end: int


def load(split: str | None = None, folder: Path = GOLDEN) -> list[Question]:
    """Every golden question of a split, answerable ones first, in the order of their files."""
    files = sorted(folder.glob("*.jsonl"), key=lambda path: (path.stem == "unanswerable", path.stem))
    rows = [question_of(json.loads(line)) for path in files for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [row for row in rows if split in (None, row.split)]


def question_of(row: dict[str, Any]) -> Question:
    history = tuple(Turn(**turn) for turn in row.get("history", ()))
    facts = tuple(Fact(fact["fact"], tuple(Quote(**quote) for quote in fact["quotes"])) for fact in row.get("facts", ()))
    group, style = row.get("area") or row["kind"], row.get("style", "unanswerable")
    return Question(row["id"], row["split"], group, style, row["question"], history, row.get("reference", ""), facts)


def sample(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """A fixed subset that keeps the balance of groups: the same rows every time, whatever was added since elsewhere."""
    seen: Counter[str] = Counter()
    turns: dict[str, tuple[int, str]] = {}
    for question in sorted(questions, key=lambda item: hashlib.sha256(item.id.encode()).hexdigest()):
        turns[question.id] = (seen[question.group], question.group)
        seen[question.group] += 1
    chosen = set(sorted(turns, key=lambda name: turns[name])[:limit])
    return [question for question in questions if question.id in chosen]


def digest(questions: Iterable[Question]) -> str:
    """Changes when a row is added, dropped or asks for something else: gates compare like with like.

    Quotes do not count: they follow the guides' wording.
    """
    rows = sorted(
        repr((item.id, item.split, item.text, item.history, item.reference, [fact.text for fact in item.facts]))
        for item in questions
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


class Evidence:
    """Where each quote stands in the guides as they were ingested."""

    def __init__(self, catalogue: Catalogue, corpus: Path) -> None:
        self._corpus = corpus
        self._document = cache(catalogue.document)

    def places(self, fact: Fact) -> list[Place]:
        """The quotes that are still there; a guide that was reworded has lost them."""
        return [place for quote in fact.quotes if (place := self.place(quote))]

    def place(self, quote: Quote) -> Place | None:
        document = self._document((self._corpus / quote.doc).as_posix())
        start = document.text.find(quote.text, document.body_start) if document else -1
        return Place(document.id, start, start + len(quote.text)) if document and start >= 0 else None

    def lost(self, questions: Iterable[Question]) -> list[tuple[str, Quote]]:
        """(question id, quote) of every quote that no guide holds any more."""
        quotes = [(question.id, quote) for question in questions for fact in question.facts for quote in fact.quotes]
        return [(name, quote) for name, quote in quotes if self.place(quote) is None]
