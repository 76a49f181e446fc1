"""The numbers worked out in the data guides, recomputed."""

import datetime
import math
import statistics

from scipy import stats

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


def test_measured_accuracy_under_symmetric_noise() -> None:
    assert round(100 * (0.95 * 0.95 + 0.05 * 0.05), 1) == 90.5
    says("data/labels-and-delay", "measures 0.95 × 0.95 + 0.05 × 0.05 = 90.5%")


def test_interval_for_twenty_errors_in_four_hundred() -> None:
    exact = stats.binomtest(20, 400).proportion_ci()
    assert (round(100 * exact.low), round(100 * exact.high)) == (3, 8)
    says("data/labels-and-delay", "20 errors in 400 items is 5%, with a 95% range of about 3% to 8%")


def test_kappa_of_two_annotators() -> None:
    chance = 0.35 * 0.25 + 0.65 * 0.75
    assert round(chance, 3) == 0.575 and round((0.80 - chance) / (1 - chance), 2) == 0.53
    says("data/labels-and-delay", "0.35 × 0.25 + 0.65 × 0.75 = 0.575", "(0.80 − 0.575) / 0.425 = 0.53")


def test_majority_of_three_annotators() -> None:
    assert round(100 * (0.85**3 + 3 * 0.85**2 * 0.15), 1) == 93.9
    says("data/labels-and-delay", "right 93.9% of the time")


def test_data_needed_under_ten_per_cent_noise() -> None:
    assert round(1 / (1 - 2 * 0.1) ** 2, 1) == 1.6
    says("data/labels-and-delay", "1 / 0.8² = 1.6 times the data")


def test_false_positives_among_rare_labels() -> None:
    flipped = 0.99 * 0.005
    assert round(flipped / (0.01 + flipped), 2) == 0.33
    says("data/labels-and-delay", "makes a third of the labelled positives wrong")


def test_conversions_known_under_exponential_delay() -> None:
    assert round(100 * -math.expm1(-0.7)) == 50 and round(100 * -math.expm1(-3)) == 95
    arrived = 1 + math.expm1(-3) / 3  # average of 1 - exp(-age/10) over ages 0 to 30
    assert round(100 * 0.04 * arrived, 1) == 2.7
    says("data/labels-and-delay", "50% of conversions are known after 7 days and 95% after 30 days", "show only 2.7%")


def test_newest_trainable_day_for_a_thirty_day_label() -> None:
    assert datetime.date(2026, 6, 30) - datetime.timedelta(days=30) == datetime.date(2026, 5, 31)
    says("data/labels-and-delay", "on 30 June the newest trainable prediction date is 31 May")


def test_useless_model_with_duplicates_across_the_split() -> None:
    assert round(100 * (0.20 + 0.80 * 0.5)) == 60
    says("data/leakage", "a useless model scores 0.20 + 0.80 × 0.5 = 60%")


def test_evaluation_set_sizes_for_a_wanted_precision() -> None:
    rows = 0.9 * 0.1 * (1.96 / 0.01) ** 2
    positives = 0.8 * 0.2 * (1.96 / 0.03) ** 2
    assert round(rows, -1) == 3460 and round(positives, -1) == 680 and round(positives, -1) / 0.01 == 68_000
    says("data/split-strategies", "about 3,460 rows", "about 680 positives, which at a 1% base rate means 68,000 rows")


def test_label_window_calendar_of_a_time_split() -> None:
    window = datetime.timedelta(days=30)
    assert datetime.date(2025, 8, 31) + window == datetime.date(2025, 9, 30)
    assert datetime.date(2025, 10, 31) + window == datetime.date(2025, 11, 30)
    assert datetime.date(2025, 12, 31) + window == datetime.date(2026, 1, 30)
    says("data/split-strategies", "complete by 30 September", "whose last labels close on 30 January")


def test_false_alarms_of_two_hundred_checks() -> None:
    assert 200 * 0.01 == 2
    says("data/data-validation-and-sampling-bias", "200 checks with a 1% daily false alarm rate give two false alarms every day")


def test_tiny_change_of_the_null_rate_is_significant_at_a_million_rows() -> None:
    error = math.sqrt(0.011 * 0.989 / 1e6 + 0.010 * 0.990 / 1e6)
    assert 0.001 / error > 6
    says("data/data-validation-and-sampling-bias", "a null rate of 1.1% against 1.0% is highly significant")


def test_post_stratified_satisfaction() -> None:
    young, older = 0.4 / 0.7, 0.6 / 0.3
    effective = (700 * young + 300 * older) ** 2 / (700 * young**2 + 300 * older**2)
    assert round(100 * (0.7 * 0.6 + 0.3 * 0.4)) == 54 and round(100 * (0.4 * 0.6 + 0.6 * 0.4)) == 48
    assert (round(young, 2), round(older, 1), round(effective)) == (0.57, 2.0, 700)
    says("data/data-validation-and-sampling-bias", "0.3 × 0.4 = 54%", "0.6 × 0.4 = 48%", "here 700 instead of 1,000")


def test_metric_lost_by_stale_features() -> None:
    assert round(0.90 - 0.895, 3) == 0.005 and round(0.90 - 0.85, 2) == 0.05
    says("data/feature-stores", "hourly batches give up 0.005 and a daily batch gives up 0.05")


def test_size_and_load_of_an_online_store() -> None:
    assert 50_000_000 * 200 * 8 == 80e9 and 2_000 * 100 == 200_000
    assert round(50_000_000 / (2 * 3600), -3) == 7_000
    says("data/feature-stores", "is 80 GB", "need 200,000 item reads per second", "about 7,000 writes per second")


def test_wrong_labels_found_by_random_review() -> None:
    assert round(95 * 95 / 1797) == 5
    says("data/labels-and-delay", "where random review of 95 rows would find about 5")


def test_features_that_forty_positives_support() -> None:
    assert (40 / 20, 40 / 10) == (2, 4)
    says("data/class-imbalance", "40 positives support two to four features")


def test_weight_ratio_at_one_per_cent_positives() -> None:
    assert round(0.99 / 0.01) == 99
    says("data/class-imbalance", "At 1% positives the ratio is 99")


def test_ceiling_of_two_annotators_who_agree_on_85_per_cent() -> None:
    right = (1 + math.sqrt(2 * 0.85 - 1)) / 2  # agreement is a² + (1 - a)²
    assert round(right**2 + (1 - right) ** 2, 2) == 0.85 and round(100 * right) == 92
    says("data/labels-and-delay", "are each right on about 92%")


def test_efficiency_of_a_number_of_negatives_per_positive() -> None:
    assert (round(100 * 5 / 6), round(100 * 20 / 21)) == (83, 95)
    says("data/class-imbalance", "83% at 5 and 95% at 20")


def test_effective_rows_of_visits_grouped_by_patient() -> None:
    assert round(10_000 / (1 + 99 * 1.0)) == 100 and round(10_000 / (1 + 99 * 0.1), -1) == 920
    says("data/split-strategies", "are worth 100 samples", "about 920 at an intraclass correlation of 0.1")
