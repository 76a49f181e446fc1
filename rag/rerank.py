"""Second looks at the best candidates: late interaction over the encoder's own token vectors, or a cross-encoder from a hub."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.embed import Encoder, Encoding, Floats, unit
from rag.errors import ModelProblem
from rag.index import Index
from rag.settings import Settings
from rag.words import weight, word_at

OWN_SHARE = 0.3  # of a question's vector, beside the subject that it has from elsewhere
FLOOR = 0.3  # word pieces less alike than this say nothing about each other


@dataclass(frozen=True)
class Query:
    """A question, encoded, with how much each of its word pieces counts: the rare more, words of intent less.

    `own` is the vector of what is asked without the subject that it has from elsewhere.
    """

    text: str
    encoding: Encoding
    weights: Floats
    own: Floats

    @classmethod
    def of(cls, text: str, encoder: Encoder, index: Index, asked: str = "") -> "Query":
        encoding, *bare = encoder.encode([text, asked] if asked and asked != text else [text])
        own = bare[0].vector if bare else encoding.vector
        if bare:
            encoding = replace(encoding, vector=unit((1 - OWN_SHARE) * encoding.vector + OWN_SHARE * own))
        intent = np.array([weight(word_at(text, start)) for start in encoding.token_starts], dtype=np.float32)
        return cls(text, encoding, index.arrays.token_weights(encoding.token_ids) * intent, own)


class Reranker(Protocol):
    """Scores candidates; `weight` is its share in the final score beside fusion."""

    weight: float

    def scores(self, query: Query, rows: Sequence[int], index: Index) -> Floats: ...


class LateInteraction:
    """How well each word piece of the question is met by its best counterpart in the passage."""

    weight = 0.3

    def scores(self, query: Query, rows: Sequence[int], index: Index) -> Floats:
        return met(best_matches(query, rows, index), query.weights)


class CrossEncoder:
    """A sentence-transformers cross-encoder: slower, read once per candidate."""

    weight = 0.6

    def __init__(self, model: str, threads: int) -> None:
        try:
            import torch
            from sentence_transformers import CrossEncoder as Model

            torch.set_num_threads(threads)
            self._model = Model(model)
        except (OSError, ValueError, ImportError) as error:
            raise ModelProblem(
                f"The reranker {model!r} cannot be loaded ({type(error).__name__}). "
                "Set PREP_RERANKER to a folder or a name that this machine can reach, or unset it for late-interaction."
            ) from error

    def scores(self, query: Query, rows: Sequence[int], index: Index) -> Floats:
        texts = [passage.text for passage in index.passages(rows)]
        return np.asarray(self._model.predict([(query.text, text) for text in texts], show_progress_bar=False), dtype=np.float32)


def load_reranker(settings: Settings) -> Reranker | None:
    if settings.reranker == "none":
        return None
    if settings.reranker == "late-interaction":
        return LateInteraction()
    return CrossEncoder(settings.reranker, settings.threads)


def unit_tokens(tokens: NDArray[np.int8]) -> Floats:
    """Stored bytes back to unit vectors."""
    vectors = tokens.astype(np.float32)
    vectors /= np.sqrt(np.einsum("td,td->t", vectors, vectors))[:, None] + 1e-9
    return vectors


def best_matches(query: Query, rows: Sequence[int], index: Index) -> Floats:
    """(word pieces of the question × rows): the cosine of each one's best counterpart in that passage."""
    offsets = index.arrays.offsets
    spans = [(offsets[row], offsets[row + 1]) for row in rows]
    best = np.zeros((len(query.encoding.tokens), len(rows)), dtype=np.float32)
    filled = [place for place, (start, end) in enumerate(spans) if end > start]
    if not filled or not len(best):
        return best
    tokens = np.concatenate([index.arrays.tokens[slice(*spans[place])] for place in filled])
    lengths = [spans[place][1] - spans[place][0] for place in filled]
    similarities = unit_tokens(query.encoding.tokens) @ unit_tokens(tokens).T
    best[:, filled] = np.maximum.reduceat(similarities, np.concatenate([[0], np.cumsum(lengths)[:-1]]), axis=1)
    return best


def met(best: Floats, weights: Floats) -> Floats:
    """The weighted mean, over the question's word pieces, of how far above the floor each match is."""
    return np.asarray(weights @ np.square(np.maximum(best - FLOOR, 0.0)) / (weights.sum() or 1.0), dtype=np.float32)
