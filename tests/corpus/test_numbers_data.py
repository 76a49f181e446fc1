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


def test_smoothed_target_encoding_of_two_shops() -> None:
    small = (3 * 1.0 + 20 * 0.1) / 23
    large = (1_000 * 0.3 + 20 * 0.1) / 1_020
    assert round(small, 2) == 0.22 and round(large, 3) == 0.296
    says("data/encoding-scaling-and-outliers", "is encoded as 0.22", "over 1,000 visits as 0.296")


def test_hash_bucket_load() -> None:
    assert round(10_000_000 / 2**20) == 10
    says("data/encoding-scaling-and-outliers", "puts about ten IDs in each")


def test_outlier_scores_of_ten_response_times() -> None:
    times = [20, 22, 23, 24, 25, 26, 27, 28, 30, 300]
    z = (300 - statistics.mean(times)) / statistics.stdev(times)
    centre = statistics.median(times)
    deviation = statistics.median(abs(time - centre) for time in times)
    assert round(z, 2) == 2.84 and round(0.6745 * (300 - centre) / deviation) == 74
    assert round((10 - 1) / math.sqrt(10), 2) == 2.85
    says("data/encoding-scaling-and-outliers", "has z = 2.84 and a robust z of 74", "which is 2.85 for n = 10")


def test_share_of_normal_data_outside_the_whiskers() -> None:
    normal = statistics.NormalDist()
    quartile = normal.inv_cdf(0.75)
    assert round(100 * 2 * (1 - normal.cdf(4 * quartile)), 1) == 0.7
    says("data/encoding-scaling-and-outliers", "marks about 0.7% of normal data")
