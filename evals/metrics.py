"""Arithmetic of retrieval quality and of comparing two systems; nothing here knows what a passage is."""

from collections.abc import Mapping, Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

Relevance = Mapping[str, int]
RESAMPLES = 10_000


def ndcg(ranking: Sequence[str], relevance: Relevance, k: int) -> float:
    """Discounted gain of the first k, as a share of the best order's; gain is the graded relevance itself."""
    gain = sum(relevance.get(name, 0) / log2(rank + 1) for rank, name in enumerate(ranking[:k], start=1))
    ideal = sorted((grade for grade in relevance.values() if grade > 0), reverse=True)[:k]
    best = sum(grade / log2(rank + 1) for rank, grade in enumerate(ideal, start=1))
    return gain / best if best else 0.0


def recall(ranking: Sequence[str], relevance: Relevance, k: int) -> float:
    wanted = {name for name, grade in relevance.items() if grade > 0}
    return len(wanted & set(ranking[:k])) / len(wanted) if wanted else 0.0


def reciprocal_rank(ranking: Sequence[str], relevance: Relevance, k: int) -> float:
    return next((1 / rank for rank, name in enumerate(ranking[:k], start=1) if relevance.get(name, 0) > 0), 0.0)


def average(values: Sequence[float]) -> float | None:
    """None for no values: nothing measured is not zero."""
    return float(np.mean(values)) if len(values) else None


def permutation_p(differences: Sequence[float]) -> float:
    """Two-sided p-value of a mean paired difference: how often random signs give one at least as far from zero."""
    sample: NDArray[np.float64] = np.asarray(differences, dtype=np.float64)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(RESAMPLES, len(sample)))
    shuffled = np.abs((signs * sample).mean(axis=1))
    return float((np.sum(shuffled >= abs(sample.mean()) - 1e-12) + 1) / (RESAMPLES + 1))


def bootstrap_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of the mean; of differences, when the values are paired differences."""
    sample: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    means = sample[random.integers(0, len(sample), (RESAMPLES, len(sample)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
