"""Ranking arithmetic against numbers worked out by hand."""

from math import log2

import numpy as np
import pytest

from evals.metrics import average, bootstrap_interval, ndcg, permutation_p, recall, reciprocal_rank

GRADES = {"a": 3, "b": 2, "c": 1, "zero": 0}


def test_ndcg_weighs_grades_by_the_logarithm_of_their_rank() -> None:
    # gains: b 2 / log2(2), x 0, a 3 / log2(4); ideal: 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert ndcg(["b", "x", "a"], GRADES, 10) == pytest.approx((2 + 1.5) / (3 + 2 / log2(3) + 0.5))
    assert ndcg(["b", "x", "a"], GRADES, 10) == pytest.approx(0.7350, abs=1e-4)


def test_the_best_order_scores_one_and_any_other_less() -> None:
    assert ndcg(["a", "b", "c"], GRADES, 3) == pytest.approx(1)
    assert ndcg(["b", "a", "c"], GRADES, 3) < 1


def test_ndcg_looks_no_further_than_k_in_the_ranking_and_in_the_ideal() -> None:
    assert ndcg(["a", "x", "b", "c"], GRADES, 1) == pytest.approx(1)
    assert ndcg(["x", "a"], GRADES, 1) == 0
    assert ndcg(["a", "x", "b"], GRADES, 2) == pytest.approx(3 / (3 + 2 / log2(3)))


def test_fewer_results_than_k_are_counted_as_they_are() -> None:
    assert ndcg(["a"], GRADES, 10) == pytest.approx(3 / (3 + 2 / log2(3) + 0.5))
    assert recall(["a"], GRADES, 10) == pytest.approx(1 / 3)
    assert ndcg([], GRADES, 10) == recall([], GRADES, 10) == reciprocal_rank([], GRADES, 10) == 0


@pytest.mark.parametrize("relevance", [{}, {"a": 0}])
def test_a_query_without_anything_relevant_scores_zero_not_nan(relevance: dict[str, int]) -> None:
    assert ndcg(["a"], relevance, 10) == recall(["a"], relevance, 10) == reciprocal_rank(["a"], relevance, 10) == 0


def test_grade_zero_is_judged_not_relevant() -> None:
    assert recall(["zero", "a"], GRADES, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["zero", "a"], GRADES, 10) == 0.5


def test_recall_counts_what_stands_in_the_first_k() -> None:
    assert recall(["a", "x", "b", "c"], GRADES, 3) == pytest.approx(2 / 3)
    assert recall(["a", "x", "b", "c"], GRADES, 4) == 1


@pytest.mark.parametrize(("rank", "expected"), [(1, 1), (2, 1 / 2), (10, 1 / 10), (11, 0)])
def test_reciprocal_rank_is_that_of_the_first_hit_and_zero_beyond_k(rank: int, expected: float) -> None:
    ranking = [f"x{number}" for number in range(rank - 1)] + ["a", "b"]
    assert reciprocal_rank(ranking, GRADES, 10) == pytest.approx(expected)


def test_the_interval_is_the_same_each_time_and_moves_with_the_seed() -> None:
    values = np.random.default_rng(3).normal(size=50).tolist()
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_the_interval_is_as_wide_as_the_normal_one_and_lies_around_the_mean() -> None:
    values = np.random.default_rng(5).normal(0.3, 1.0, size=400)
    low, high = bootstrap_interval(values.tolist())
    error = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - error, abs=0.01)
    assert high == pytest.approx(values.mean() + error, abs=0.01)


def test_ninety_five_percent_intervals_cover_the_true_mean_about_that_often() -> None:
    random = np.random.default_rng(11)
    intervals = [bootstrap_interval(random.normal(0.1, 0.5, size=60).tolist()) for _ in range(100)]
    assert 88 <= sum(low <= 0.1 <= high for low, high in intervals) <= 99


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert bootstrap_interval([0.25] * 7) == (0.25, 0.25)


def test_a_permutation_p_value_is_the_share_of_sign_patterns_at_least_as_far_from_zero() -> None:
    # three equal differences: of eight sign patterns only +++ and --- have a mean as far from zero, so p = 2/8
    assert permutation_p([0.5, 0.5, 0.5]) == pytest.approx(0.25, abs=0.015)
    # mean 1: sums of ±3 ±1 ±1 that reach 3 either way are 5, 3, 3 and their negatives: 6 of 8
    assert permutation_p([3, 1, -1]) == pytest.approx(0.75, abs=0.015)


def test_a_permutation_p_value_is_never_zero_and_one_when_nothing_changed() -> None:
    assert permutation_p([0.0] * 20) == 1
    assert 0 < permutation_p([1.0] * 60) < 0.001


def test_the_sign_of_the_change_does_not_matter_to_its_p_value() -> None:
    values = np.random.default_rng(2).normal(0.2, 1, size=40).tolist()
    assert permutation_p(values) == permutation_p([-value for value in values])


def test_the_average_of_nothing_is_not_zero() -> None:
    assert average([]) is None
    assert average([0.0, 1.0, 1.0]) == pytest.approx(2 / 3)
