"""The numbers worked out in the data guides, recomputed."""

import math
import statistics

from tests.corpus.guides import says


def test_rows_left_complete_with_twenty_gappy_columns() -> None:
    assert round(100 * 0.95**20) == 36
    says("data/missing-values", "only 0.95^20 = 36% of rows are complete", "leave 36% complete rows")


def test_correlation_after_mean_imputation() -> None:
    assert round(0.60 * math.sqrt(1 - 0.3), 2) == 0.50
    says("data/missing-values", "at 30% missing, a correlation of 0.60 becomes 0.50")


def test_rubins_rule_on_five_imputations() -> None:
    estimates = [2.0, 2.2, 1.9, 2.3, 2.1]
    between = statistics.variance(estimates)
    total = 0.04 + (1 + 1 / 5) * between
    assert round(statistics.mean(estimates), 1) == 2.1 and round(between, 3) == 0.025 and round(total, 2) == 0.07
    assert round(math.sqrt(total), 2) == 0.26 and round(math.sqrt(0.04), 2) == 0.20
    says("data/missing-values", "variance 0.04 + 1.2 × 0.025 = 0.07", "standard error of 0.26 against 0.20")
