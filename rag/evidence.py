"""Is what was found enough to answer from? One number between 0 and 1, and the signals it is made of."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rag.index import Index
from rag.rerank import best_matches, met
from rag.retrieve import Retrieval
from rag.words import terms

LOOKED_AT = 3


@dataclass(frozen=True)
class Evidence:
    cosine: float  # of the nearest passage
    interaction: float  # how well the best passage meets the question, word piece by word piece
    coverage: float  # share of the question's rare terms that the best passages contain
    strength: float

    def as_dict(self) -> dict[str, Any]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def weigh(retrieval: Retrieval, index: Index) -> Evidence:
    if not retrieval.passages:
        return Evidence(0.0, 0.0, 0.0, 0.0)
    best = retrieval.passages[:LOOKED_AT]
    rows = [row for passage in best for row in passage.rows]
    cosine = float(max(passage.stages["dense"] for passage in best))
    interaction = float(met(best_matches(retrieval.query, rows, index), retrieval.query.weights).max(initial=0.0))
    coverage = term_coverage(retrieval, index)
    strength = 1 / (1 + np.exp(-(9.0 * cosine + 8.0 * interaction + 4.0 * coverage - 8.0)))
    return Evidence(cosine, interaction, coverage, float(strength))


def term_coverage(retrieval: Retrieval, index: Index) -> float:
    """Terms weighted by rarity; one the corpus has never seen weighs most."""
    asked = set(terms(retrieval.query.text))
    found: set[str] = set()
    for passage in retrieval.passages[:LOOKED_AT]:
        found |= set(terms(" ".join([passage.text, *passage.source.heading_path])))
    passages = index.manifest.passages
    weight = {term: float(np.log1p(passages / (1 + index.lexical.document_frequency(term)))) for term in asked}
    total = sum(weight.values())
    return sum(weight[term] for term in asked & found) / total if total else 0.0
