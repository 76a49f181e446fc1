"""Is what was found enough to answer from? A few signals, weighed by a logistic rule fitted with `python -m evals.fit`."""

import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rag.index import Index
from rag.rerank import best_matches
from rag.retrieve import Retrieval
from rag.understand import QUOTED
from rag.words import stem, subject_words, terms

LOOKED_AT = 3
NEAR = 0.5  # cosine of word pieces that mean about the same

# The guides are written once: they cannot know what is true this week, or what happened to the person asking.
ABOUT_NOW = re.compile(
    r"\b(right now|at the moment(?! of)|today|currently|the current|this (week|month|year)|upcoming"
    r"|(latest|newest|most recent) (\w+ )?(version|release|news|papers?|models?|research|prices?|results?)"
    r"|when (will|is|did) .{1,40}\b(releas\w+|launch\w*|com(e|ing) out|announc\w+|available)"
    r"|share price|how much (does|do|did) \w+ (cost|pay|offer)|what salary"
    r"|salary (at|in|for) \w+|signing bonus|base salary|salary range|total comp(ensation)?"
    r"|is \w+ hiring|who (is|leads|won|wrote))\b",
    re.I,
)
ABOUT_ME = re.compile(
    r"\b(did i (pass|get|say)|what did (i|my)|when is my|what (is|was|'s) my|my (score|onsite|recruiter'?s?))\b", re.I
)
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
    neighbourhood: float  # mean cosine of the five nearest
    asked: float  # cosine of the heading most like the question
    matched: float  # how near the best passages come to each word piece of the question, the rare ones counting more
    missed: float  # share of those word pieces to which they come nowhere near
    covered: float  # share of the question's terms, by rarity, that the best passages contain
    unknown: float  # share of its subject words that no guide contains
    agreed: float  # share of the first ten that dense and lexical search have in common
    out_of_reach: float  # 1 when the question is about this week, the person asking or the assistant itself


@dataclass(frozen=True)
class Evidence:
    signals: Signals
    named: bool
    strength: float

    def as_dict(self) -> dict[str, Any]:
        signals = {name: round(value, 4) for name, value in self.signals._asdict().items()}
        return {"strength": round(self.strength, 4), "named": self.named, **signals}


WEIGHTS = Signals(
    nearest=6.69, neighbourhood=5.48, asked=9.93, matched=-0.13, missed=-3.72, covered=-1.72, unknown=-4.65, agreed=1.55,
    out_of_reach=-4.24,
)  # fmt: skip
BIAS = -7.96


def weigh(retrieval: Retrieval, index: Index) -> Evidence:
    signals = signals_of(retrieval, index)
    total = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, signals, strict=True))
    named = not signals.out_of_reach and names_a_guide(retrieval, index)
    return Evidence(signals, named, 1.0 if named else 1 / (1 + math.exp(-total)))


def names_a_guide(retrieval: Retrieval, index: Index) -> bool:
    """Whether the question is nothing but a name that a guide found goes by: the model hardly knows "SRM", the guide does."""
    asked = [sorted(terms(retrieval.query.text)), sorted(map(stem, subject_words(retrieval.query.text)))]
    names = (name for passage in retrieval.passages[:LOOKED_AT] for name in index.catalogue.names(passage.source.doc_id))
    return any(own in asked for own in (sorted(terms(name)) for name in names) if own)


def signals_of(retrieval: Retrieval, index: Index) -> Signals:
    query, stage = retrieval.query, retrieval.candidates
    subject = subject_words(query.text)
    if not retrieval.passages or not subject:
        return Signals(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0)
    looked_at = retrieval.passages[:LOOKED_AT]
    best = best_matches(query, [row for passage in looked_at for row in passage.rows], index).max(axis=1, initial=0.0)
    weights = query.weights / (query.weights.sum() or 1.0)
    read = terms(" ".join(text for passage in looked_at for text in (passage.text, *passage.source.heading_path)))
    nearest = np.sort(stage.dense)[::-1]
    first = {name: set(stage.ranking(getattr(stage, name))[:10].tolist()) for name in ("dense", "lexical")}
    unknown = [word for word in subject if not index.lexical.document_frequency(stem(word))]
    return Signals(
        nearest=float(max(nearest[0], 0.0)),
        neighbourhood=float(max(nearest[:5].mean(), 0.0)),
        asked=float(max(stage.asked.max(), 0.0)),
        matched=float(weights @ best),
        missed=1.0 - float(weights[best >= NEAR].sum()),
        covered=index.share(terms(query.text), set(read)),
        unknown=len(unknown) / len(subject),
        agreed=len(first["dense"] & first["lexical"]) / 10,
        out_of_reach=float(out_of_reach(query.text)),
    )


def out_of_reach(question: str) -> bool:
    told = QUOTED.sub(" ", question)  # a question may quote an attack
    return any(pattern.search(told) for pattern in (ABOUT_NOW, ABOUT_ME, ABOUT_YOU, AIMED_AT_YOU))
