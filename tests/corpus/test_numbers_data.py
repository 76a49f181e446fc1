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


def test_standard_error_of_recall_with_few_positives() -> None:
    assert round(math.sqrt(0.8 * 0.2 / 40), 2) == 0.06 and round(math.sqrt(0.8 * 0.2 / 400), 2) == 0.02
    says("data/class-imbalance", "a recall of 0.80 has a standard error of 0.06; with 400 positives the error is 0.02")


def test_precision_at_one_in_a_thousand() -> None:
    assert round(100 * 0.8 * 0.001 / (0.8 * 0.001 + 0.01 * 0.999), 1) == 7.4
    says("data/class-imbalance", "gives a precision of only 7.4%")


def test_batches_without_a_positive() -> None:
    assert round(100 * 0.999**256) == 77
    says("data/class-imbalance", "about 77% of batches contain no positive")


def test_base_rate_after_keeping_five_per_cent_of_negatives() -> None:
    sampled = 0.01 / (0.01 + 0.99 * 0.05)
    assert round(100 * sampled, 1) == 16.8
    assert round(100 * sampled / (sampled + (1 - sampled) / 0.05), 1) == 1.0
    says("data/class-imbalance", "becomes a 16.8% base rate", "maps 16.8% back to 1.0%")


def test_focal_loss_weights() -> None:
    assert round((1 - 0.9) ** 2, 2) == 0.01 and (1 - 0.5) ** 2 == 0.25
    says("data/class-imbalance", "at p = 0.9 is weighted by 0.01 and one at p = 0.5 by 0.25")


def test_smoothed_click_rate_of_one_view() -> None:
    assert round(100 * (1 + 5) / (1 + 100), 1) == 5.9 and 5 / 100 == 0.05
    says("data/feature-engineering-and-selection", "gives 5.9% with a prior of 5%")


def test_pairs_of_two_hundred_columns() -> None:
    assert math.comb(200, 2) == 19_900
    says("data/feature-engineering-and-selection", "200 columns give 19,900 pairs")


def test_fifty_sources_all_healthy() -> None:
    assert round(100 * 0.999**50) == 95
    says("data/feature-engineering-and-selection", "all are healthy only 95% of the time")


def test_value_of_a_small_gain() -> None:
    assert 0.002 * 10_000_000 == 20_000
    says("data/feature-engineering-and-selection", "0.2% of 10 million dollars of prevented loss is 20,000 dollars")
