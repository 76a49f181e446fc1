"""Is what was found enough to answer from? A few signals, weighed by a logistic rule fitted with `python -m evals.fit`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rag.index import Index
from rag.retrieve import Retrieval
from rag.understand import QUOTED
from rag.words import stem, subject_words, terms

ENOUGH = 0.45  # evidence below this strength is answered with a refusal
ENOUGH_BESIDE = 0.25  # for a part of a question another part of which is answered
LOOKED_AT = 3
INTRODUCING = 6  # words around a bare name: "can you tell me what … is"
ABOUT_IT = 0.7  # cosine of a passage
BEYOND = Path(__file__).with_name("beyond.txt")

# The guides are written once: they cannot know what is true this week, or what happened to the person asking.
ABOUT_NOW = re.compile(
    r"\b(right now|at the moment(?! of)|currently|this (week|month|year)(?=\W*$)|upcoming"
    r"|(latest|newest|most recent|current) (\w+ )?(version|release|news|papers?|models?|research|prices?|results?)"
    r"|when (will|is|did) .{1,40}\b(releas\w+|launch\w*|com(e|ing) out|announc\w+|available)"
    r"|share price|how much (does|do|did) \w+ (cost|pay|offer)|what salary"
    r"|salary (at|in|for) \w+|signing bonus|base salary|salary range|total comp(ensation)?"
    r"|is \w+ hiring|who (leads|won|wrote))\b",
    re.I,
)
ABOUT_ME = re.compile(r"\b(did i (pass|get|say)|when is my|what (is|was|'s) my|my recruiter'?s?)\b", re.I)
ABOUT_YOU = re.compile(  # the assistant itself
    r"\b(your (system prompt|prompt|instructions|rules|developers?|creators?|guidelines|configuration)"
    r"|(you are|you're) (using|running|told)|you were (told|given|trained))\b",
    re.I,
)
# Orders and wishes that no guide can meet, where they open a sentence.
AIMED_AT_YOU = re.compile(
    r"(?:^|[.!?;:>]\s+)(?:please\s+)?(?:(?:ignore|disregard|forget)\s+(?:all|any|every|the|your|my|previous)\b"
    r"|pretend (?:you|to be)\b|you(?:'re| are) (?:now|dan)\b|from now on\b|act as\b"
    r"|new (?:task|instructions?)\b|(?:reply|respond|answer) (?:only|with)\b"
    r"|(?:reveal|leak|print|show me) (?:me )?(?:the|your) (?:\w+ )?(?:keys?|prompt|passwords?|secrets?|config\w*)\b"
    r"|tell me a joke|write (?:me )?an? (?:poem|song|story|joke)|translate (?:this|the following))",
    re.I,
)


class Signals(NamedTuple):
    """Each between 0 and 1."""

    nearest: float  # cosine of the nearest passage
    asked: float  # cosine of the question most like this one among those that the guides are known to answer
    beyond: float  # and among those that guides mostly cannot answer, unless a passage here is about the very question
    strange: float  # the chance that it is one of the latter, by a plane between both crowds, with the same exception
    unknown: float  # share of its subject words that no guide contains
    out_of_reach: float  # 1 when the question is about this week, the person asking or the assistant itself


@dataclass(frozen=True)
class Evidence:
    signals: Signals
    named: bool
    strength: float

    def as_dict(self) -> dict[str, Any]:
        signals = {name: round(value, 4) for name, value in self.signals._asdict().items()}
        return {"strength": round(self.strength, 4), "named": self.named, **signals}


WEIGHTS = Signals(nearest=8.85, asked=11.28, beyond=-10.57, strange=-5.43, unknown=-6.67, out_of_reach=-4.02)
BIAS = -3.28


def beyond() -> list[str]:
    """What people send that no library of interview guides answers, as examples."""
    lines = BEYOND.read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line and not line.startswith("#")]


def weigh(retrieval: Retrieval, index: Index) -> Evidence:
    signals = signals_of(retrieval, index)
    total = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, signals, strict=True))
    named = not signals.out_of_reach and names_a_guide(retrieval, index)
    return Evidence(signals, named, 1.0 if named else 1 / (1 + math.exp(-total)))


def enough_of(strengths: Sequence[float]) -> list[bool]:
    """Which parts of a question are answered: beside one that is, less will do, for mostly they are about the same."""
    least = ENOUGH_BESIDE if max(strengths) >= ENOUGH else ENOUGH
    return [strength >= least for strength in strengths]


def names_a_guide(retrieval: Retrieval, index: Index) -> bool:
    """Whether the question is nothing but a name that a guide found goes by: the model hardly knows "SRM", the guide does."""
    asked = [sorted(terms(retrieval.query.text)), sorted(map(stem, subject_words(retrieval.query.text)))]
    guides = (passage.source.doc_id for passage in retrieval.sections[:LOOKED_AT])
    names = (sorted(terms(name)) for guide in guides for name in index.catalogue.names(guide))
    longest = len(retrieval.query.text.split()) - INTRODUCING
    return any(own in asked and len(own) >= longest for own in names if own)


def signals_of(retrieval: Retrieval, index: Index) -> Signals:
    query, stage = retrieval.query, retrieval.candidates
    subject = subject_words(query.text)
    if not retrieval.sections or not subject:
        return Signals(0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    unknown = [word for word in subject if not index.lexical.document_frequency(stem(word))]
    nearest = float(max(stage.dense.max(), 0.0))
    vector, about_it = query.encoding.vector, nearest >= ABOUT_IT
    return Signals(
        nearest=nearest,
        asked=float(max(stage.asked.max(), 0.0)),
        beyond=0.0 if about_it else float((index.arrays.beyond @ vector).max(initial=0.0)),
        strange=0.0 if about_it else index.arrays.strange(vector),
        unknown=len(unknown) / len(subject),
        out_of_reach=float(out_of_reach(query.text)),
    )


def out_of_reach(question: str) -> bool:
    told = QUOTED.sub(" ", question)  # a question may quote an attack
    return any(pattern.search(told) for pattern in (ABOUT_NOW, ABOUT_ME, ABOUT_YOU, AIMED_AT_YOU))
