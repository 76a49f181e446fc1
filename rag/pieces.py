"""Which pieces of the passages say what was asked? A few signals, weighed by a rule fitted with `python -m evals.fit`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.cite import LINK, plain
from rag.embed import Floats
from rag.index import Index
from rag.rerank import FLOOR, unit_tokens
from rag.retrieve import Retrieval
from rag.types import Passage
from rag.units import Unit, units
from rag.words import terms

POINTER_WORDS = 12
CENTRAL = 0.6  # of its terms
# Speech in the first person, or a false belief put right: good when asked for, poor as an addition.
SPEECH = re.compile(r"(?<!ype )\b(I|I'd|I'm|my)\b(?!\()")  # but not a type I error, nor mutual information I(X; Y)
CORRECTION = re.compile(r"\b(wrong answer|false belief)\b")


class Signals(NamedTuple):
    """Each of the order of 0 to 1."""

    rank: float  # of its passage among those found, in tenths
    asked: float  # cosine of its section's heading, or of what the section is known to answer, with the question
    leads: float  # whether its passage leads the answer
    met: float  # how well it meets the question, against the piece that meets it best
    down: float  # how far down its passage it stands, as a share
    far: float  # and in twenties of pieces
    shared: float  # share of the question's terms, by rarity, that it contains
    central: float  # share of the passages that contain most of its own terms
    length: float  # tens of words, as a logarithm
    table: float
    formula: float
    digits: float
    bold: float
    corrects: float  # puts a false belief right
    aside: float  # its passage is speech, or the correction of a belief


WEIGHTS = Signals(
    rank=-2.46, asked=1.21, leads=0.50, met=1.13, down=-1.92, far=2.63, shared=0.40, central=2.35, length=1.31, table=-1.03,
    formula=-1.93, digits=-0.52, bold=-0.65, corrects=-0.83, aside=0.29,
)  # fmt: skip
BIAS = -3.71


@dataclass(frozen=True)
class Pieces:
    """A passage cut up: each piece with how well it meets the question and the chance that it says what was asked."""

    passage: Passage
    units: tuple[Unit, ...]
    scores: tuple[float, ...]
    worth: tuple[float, ...] = ()

    def has(self, kind: str) -> bool:
        return any(unit.kind == kind for unit in self.units)

    @cached_property
    def aside(self) -> bool:
        first = self.units[0].text
        return self.passage.text.startswith('"') or bool(SPEECH.search(first) or CORRECTION.search(first))

    @property
    def opening(self) -> int:
        """The piece an answer may open with: the passage's own first sentence, else the best one that stands alone."""
        standing = [place for place, unit in enumerate(self.units) if not unit.leans]
        if not standing or standing[0] == 0:
            return 0
        return max(standing, key=lambda place: (self.scores[place], -place))

    def bundle(self, place: int) -> set[int]:
        """The piece with those it leans on, and with what it announces."""
        first = last = place
        while first > 0 and self.units[first].leans:
            first -= 1
        while last + 1 < len(self.units) and self.units[last].announces(self.units[last + 1]):
            last += 1
        return set(range(first, last + 1))


def cut_up(retrieval: Retrieval, index: Index) -> list[Pieces]:
    """What was found, in pieces, best first; a passage of which nothing can be quoted is left out."""
    asked = unit_tokens(retrieval.query.encoding.tokens)
    weights = retrieval.query.weights / (float(retrieval.query.weights.sum()) or 1.0)
    found = []
    for passage in retrieval.sections:
        pieces = tuple(unit for unit in units(passage.text) if not points_elsewhere(unit))
        if pieces:
            starts, tokens = tokens_of(passage, index)
            edges = np.searchsorted(starts, [(unit.start, unit.end) for unit in pieces])
            matches = asked @ tokens.T
            best = np.stack([matches[:, first:last].max(axis=1, initial=0.0) for first, last in edges])
            scores = np.square(np.maximum(best - FLOOR, 0.0)) @ weights
            found.append(Pieces(passage, pieces, tuple(scores.tolist())))
    return found


def weighed(found: Sequence[Pieces], leading: int, retrieval: Retrieval, index: Index) -> list[Pieces]:
    """The passages with the chance of each piece to say what was asked."""
    signals = signals_of(found, leading, retrieval, index)
    return [replace(item, worth=tuple(map(chance, own))) for item, own in zip(found, signals, strict=True)]


def chance(signals: Signals) -> float:
    total = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, signals, strict=True))
    return 1 / (1 + math.exp(-total))


def signals_of(found: Sequence[Pieces], leading: int, retrieval: Retrieval, index: Index) -> list[list[Signals]]:
    """For each passage, the signals of its pieces; `leading` is the place of the passage that leads the answer."""
    rarity = index.rarity(terms(retrieval.query.text))
    total = sum(rarity.values()) or 1.0
    best = max(max(item.scores) for item in found) or 1.0
    whole = [frozenset[str]().union(*(unit.terms for unit in item.units)) for item in found]
    return [
        [
            Signals(
                rank=rank / 10,
                asked=item.passage.stages["asked"],
                leads=float(rank == leading),
                met=score / best,
                down=place / len(item.units),
                far=place / 20,
                shared=sum(rarity[term] for term in rarity.keys() & unit.terms) / total,
                central=sum(len(unit.terms & other) >= CENTRAL * len(unit.terms) for at, other in enumerate(whole) if at != rank)
                / len(whole),
                length=math.log1p(unit.words / 10),
                table=float(unit.kind == "table"),
                formula=float(unit.kind == "formula"),
                digits=float(any(map(str.isdigit, unit.text))),
                bold=float("**" in unit.text),
                corrects=float(CORRECTION.search(unit.text) is not None),
                aside=float(item.aside),
            )
            for place, (unit, score) in enumerate(zip(item.units, item.scores, strict=True))
        ]
        for rank, item in enumerate(found)
    ]


def points_elsewhere(unit: Unit) -> bool:
    """ "The guide on X gives the rest": of use in the guide, none in an answer."""
    return unit.kind == "sentence" and LINK.search(unit.text) is not None and len(plain(unit.text).split()) <= POINTER_WORDS


def tokens_of(passage: Passage, index: Index) -> tuple[NDArray[np.int64], Floats]:
    """The passage's word pieces: where each starts, and its vector."""
    begins = {part.row: part.start - passage.source.start for part in index.catalogue.stretches(passage.source.doc_id)}
    starts, tokens = [], []
    for row in passage.rows:
        encoding = index.arrays.encoding(row)
        own = encoding.token_starts >= 0  # the others belong to the heading path
        starts.append(encoding.token_starts[own].astype(np.int64) + begins[row])
        tokens.append(encoding.tokens[own])
    return np.concatenate(starts), unit_tokens(np.concatenate(tokens))
