"""The numbers worked out in the debugging guides, recomputed."""

from math import log, sqrt

import numpy as np
from scipy.stats import binomtest

from tests.corpus.guides import says


def test_standard_error_of_ninety_percent_accuracy_on_two_thousand_rows() -> None:
    assert round(100 * sqrt(0.9 * 0.1 / 2000), 2) == 0.67
    says("debugging/debugging-ladder", "At 90 % accuracy on 2,000 examples the standard error is about 0.67 points")


def test_error_analysis_ceilings() -> None:
    assert 45 + 30 + 12 + 13 == 100
    assert round(8 * (1 - 0.12), 2) == 7.04
    assert round(8 * (1 - 0.30), 2) == 5.6
    says("debugging/debugging-ladder", "from 8 % to 7.04 % at best", "could bring it to 5.6 %")


def test_initial_loss_of_ten_balanced_classes() -> None:
    assert round(log(10), 2) == 2.30
    says("debugging/train-validation-gap", "`ln(10) = 2.30`")


def test_standard_error_of_a_validation_set_of_five_hundred() -> None:
    assert round(100 * sqrt(0.85 * 0.15 / 500), 1) == 1.6
    says("debugging/train-validation-gap", "at 85 % accuracy the standard error is about 1.6 points")


def test_parts_of_the_offline_online_gap() -> None:
    holdout, recomputed, logged, served = 0.90, 0.86, 0.79, 0.78
    parts = [round(holdout - recomputed, 2), round(recomputed - logged, 2), round(logged - served, 2)]
    assert parts == [0.04, 0.07, 0.01]
    assert round(sum(parts), 2) == 0.12
    assert round(100 * parts[1] / sum(parts)) == 58
    says("debugging/offline-good-production-bad", "Of the total gap of 0.12, skew explains 0.07, or 58 %")


def test_click_rate_blended_with_the_fallback() -> None:
    blended = 0.85 * 0.30 + 0.15 * 0.10
    assert round(blended, 3) == 0.27
    assert round(1 - blended / 0.30, 3) == 0.10
    says("debugging/offline-good-production-bad", "the blended click rate is 27 %", "like a 10 % drop in model quality")


def test_wilson_interval_of_twelve_found_out_of_twenty() -> None:
    interval = binomtest(12, 20).proportion_ci(method="wilson")
    assert (round(100 * interval.low), round(100 * interval.high)) == (39, 78)
    says("debugging/one-segment-is-bad", "12 found is 60 %", "95 % Wilson interval runs from 39 % to 78 %")


def test_a_small_segment_barely_moves_the_overall_accuracy() -> None:
    assert round(100 * 0.02 * (0.90 - 0.50), 1) == 0.8
    says("debugging/one-segment-is-bad", "the overall accuracy loses only 0.8 points")


def test_accuracy_falls_with_the_traffic_mix() -> None:
    assert round(0.8 * 95 + 0.2 * 80, 1) == 92.0
    assert round(0.5 * 95 + 0.5 * 80, 1) == 87.5
    says("debugging/one-segment-is-bad", "from 92 % to 87.5 %")


def test_crossed_runs_of_code_and_data() -> None:
    old_old, old_new, new_old, new_new = 0.20, 0.21, 0.29, 0.30
    assert round(new_old - old_old, 2) == 0.09
    assert round(old_new - old_old, 2) == 0.01
    assert round(new_new - old_old, 2) == 0.10
    says("debugging/pipeline-change", "the code accounts for 0.09 of the total shift of 0.10 and the data for 0.01")


def test_standard_error_of_an_auc_of_078() -> None:
    auc, positives, negatives = 0.78, 400, 3600
    both_positive = auc / (2 - auc)
    both_negative = 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (both_positive - auc**2) + (negatives - 1) * (both_negative - auc**2)
    assert round(sqrt(spread / (positives * negatives)), 3) == 0.014
    says("debugging/validation-jumped", "an AUC of 0.78 has a standard error of about 0.014")


def test_an_inner_join_lifts_accuracy_by_dropping_new_users() -> None:
    assert round(100 * (0.8 * 0.90 + 0.2 * 0.65)) == 85
    says("debugging/validation-jumped", "The overall accuracy is 85 %", "a jump of five points")


def test_review_sample_margins() -> None:
    assert round(100 * 1.96 * sqrt(0.8 * 0.2 / 200), 1) == 5.5
    assert round(100 * 1.96 * sqrt(0.8 * 0.2 / 800), 1) == 2.8
    says("debugging/silent-decay", "about ±5.5 points, and 800 a month about ±2.8")


def test_a_small_daily_loss_over_ninety_days() -> None:
    assert round(0.0005 * 90, 3) == 0.045
    says("debugging/silent-decay", "A loss of 0.0005 AUC per day is invisible", "0.045 in 90 days")


def test_share_of_decay_that_retraining_recovers() -> None:
    assert round(0.86 - 0.79, 2) == 0.07
    assert round(0.84 - 0.79, 2) == 0.05
    assert round(100 * 0.05 / 0.07) == 71
    says("debugging/silent-decay", "Retraining recovers 0.05 of the 0.07 lost, or 71 %")


def test_wilson_interval_of_five_doubtful_labels_in_fifty() -> None:
    interval = binomtest(5, 50).proportion_ci(method="wilson")
    assert (round(100 * interval.low), round(100 * interval.high)) == (4, 21)
    says("debugging/debugging-ladder", "about 10 % of the labels are suspect (95 % interval 4 % to 21 %)")


def test_scaling_raises_the_largest_stable_rate() -> None:
    rng = np.random.default_rng(0)
    raw = np.column_stack([rng.normal(size=200), rng.normal(50, 10, 200)])
    scaled = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    before, after = (2 / np.linalg.eigvalsh(2 / 200 * x.T @ x).max() for x in (raw, scaled))
    assert round(before, 4) == 0.0004 and round(after, 2) == 0.94 and after / before > 2000
    says("debugging/loss-is-nan", "from 0.0004 to 0.94, over 2,000 times")


def test_users_needed_for_a_lift_of_half_a_percent() -> None:
    per_arm = 2 * (1.96 + 0.84) ** 2 * 0.05 * 0.95 / (0.005 * 0.05) ** 2
    assert round(per_arm / 1e6) == 12
    says(
        "debugging/offline-good-production-bad",
        "a relative lift of 0.5 % on a 5 % conversion rate takes about 12 million users per arm",
    )


def test_precision_at_two_prevalences() -> None:
    precision = [0.8 * share / (0.8 * share + 0.05 * (1 - share)) for share in (0.5, 0.01)]
    assert [round(100 * value) for value in precision] == [94, 14]
    says("debugging/offline-good-production-bad", "precision is 94 % there and 14 % at 1 % prevalence")


def test_false_alarms_of_a_cusum_with_a_short_reference() -> None:
    noise, alarms = 0.004, 0
    for seed in range(1000):
        flat = 0.80 + np.random.default_rng(seed).normal(0, noise, 90)
        reference, total, highest = flat[:14].mean(), 0.0, 0.0
        for value in flat:
            total = max(0.0, total + reference - value - noise / 2)
            highest = max(highest, total)
        alarms += highest > 5 * noise
    assert 0.17 < alarms / 1000 < 0.23
    says("debugging/silent-decay", "about one flat series in five raises a false alarm within 90 days")
