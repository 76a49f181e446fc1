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

POINTER_WORDS = 12
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
    length: float  # tens of words, as a logarithm
    aside: float  # its passage is speech, or the correction of a belief


WEIGHTS = Signals(rank=-3.44, asked=1.67, leads=1.06, met=0.56, down=-1.25, length=0.38, aside=-0.85)
BIAS = -2.17


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


def weighed(found: Sequence[Pieces], leading: int) -> list[Pieces]:
    """The passages with the chance of each piece to say what was asked; the one at the place `leading` leads the answer."""
    signals = signals_of(found, leading)
    return [replace(item, worth=tuple(map(chance, own))) for item, own in zip(found, signals, strict=True)]


def chance(signals: Signals) -> float:
    total = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, signals, strict=True))
    return 1 / (1 + math.exp(-total))


def signals_of(found: Sequence[Pieces], leading: int) -> list[list[Signals]]:
    """For each passage, the signals of its pieces."""
    best = max(max(item.scores) for item in found) or 1.0
    return [
        [
            Signals(
                rank=rank / 10,
                asked=item.passage.stages["asked"],
                leads=float(rank == leading),
                met=score / best,
                down=place / len(item.units),
                length=math.log1p(unit.words / 10),
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
