"""Two sentences about the same thing: do they say the same, or the opposite?"""

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.cite import Segment
from rag.types import Passage
from rag.units import Unit, units
from rag.verify import negates, numbers, opposes
from rag.words import terms

LEAST_SHARED = 3  # terms
SHARED = 0.6  # of the terms of both
# What holds for one example need not hold for another.
EXAMPLE = re.compile(r"^(if|with|for|in|suppose|given|read|take|say|at|when|on|after)\b|\bexample\b|=", re.I)


def compared(segments: Sequence[Segment], found: Sequence[Passage]) -> tuple[list[Segment], list[Segment]]:
    """The segments with what other guides say too, and what other guides say against them."""
    others = [(passage, unit, subject(unit)) for passage in found for unit in units(passage.text) if unit.kind == "sentence"]
    told = {span(segment.passage, unit) for segment in segments for unit in segment.units}
    agreeing, against = [], []
    for segment in segments:
        echoes: list[tuple[Unit, Segment]] = []
        for said in segment.units:
            about = subject(said)
            for passage, unit, theirs in others:
                if passage.source.doc_id == segment.passage.source.doc_id or not alike(about, theirs):
                    continue
                if span(passage, unit) in told or (agrees := agree(said.text, unit.text)) is None:
                    continue
                told.add(span(passage, unit))
                if agrees:
                    echoes.append((said, Segment(passage, (unit,))))
                else:
                    against.append(Segment(passage, (unit,)))
        agreeing.append(replace(segment, echoes=tuple(echoes)))
    return agreeing, against


def span(passage: Passage, unit: Unit) -> tuple[str, int]:
    return passage.source.doc_id, passage.source.start + unit.start


def subject(unit: Unit) -> frozenset[str]:
    return frozenset(term for term in unit.terms if not term[0].isdigit())


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether sentences with these terms are about the same thing."""
    return len(one & other) >= max(LEAST_SHARED, SHARED * len(one | other))


def agree(said: str, other: str) -> bool | None:
    """Whether a sentence about the same thing says the same; None when it can be read either way, or leaves a number out."""
    if negates(said) != negates(other) or opposes(terms(said), terms(other)):
        return False
    mine, theirs = numbers(said), numbers(other)
    if mine - theirs:
        return False if theirs - mine and not EXAMPLE.search(said) and not EXAMPLE.search(other) else None
    return True
