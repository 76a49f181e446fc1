"""The numbers worked out in the evaluation guides, recomputed."""

from math import exp, log, log2, pi, sqrt

import numpy as np
import pytest
from scipy.stats import beta, norm

from tests.corpus.guides import says

PRECISION = "evaluation/precision-and-recall"
AUC = "evaluation/roc-auc-and-pr-auc"
THRESHOLD = "evaluation/threshold-choice"
CALIBRATION = "evaluation/calibration-and-log-loss"
REGRESSION = "evaluation/regression-metrics"
RANKING = "evaluation/ranking-and-recommendation-metrics"
FOLDS = "evaluation/cross-validation"
SLICES = "evaluation/slices-and-offline-online-mismatch"
COMPARING = "evaluation/comparing-models-and-human-evaluation"

TP, FP, FN, TN = 80, 70, 20, 9_830


def f_beta(weight: float) -> float:
    return (1 + weight**2) * TP / ((1 + weight**2) * TP + weight**2 * FN + FP)


def precision_at(prevalence: float, tpr: float, fpr: float) -> float:
    return prevalence * tpr / (prevalence * tpr + (1 - prevalence) * fpr)


def expected_maximum(count: int) -> float:
    """The mean of the largest of `count` standard normal draws."""
    grid = np.linspace(-8, 8, 20_001)
    return float(np.trapezoid(grid * count * norm.pdf(grid) * norm.cdf(grid) ** (count - 1), grid))


def test_fraud_confusion_matrix() -> None:
    assert TP + FP + FN + TN == 10_000 and TP + FN == 100 and TP + FP == 150 and FP + TN == 9_900
    assert round(TP / (TP + FP), 3) == 0.533 and TP / (TP + FN) == 0.8
    assert (TP + TN) / 10_000 == 0.991 and round(TN / 9_900, 3) == 0.993
    assert pytest.approx(1 - 0.1) == (10_000 - TP - TN) / 100
    says(
        PRECISION,
        "precision 53.3 %, recall 80 % and accuracy 99.1 %",
        "9,830 / 9,900 = 99.3 %",
        "a tenth of the baseline's errors",
    )


def test_f_scores_of_the_fraud_counts() -> None:
    assert [round(f_beta(weight), 3) for weight in (1, 2, 0.5)] == [0.64, 0.727, 0.571]
    assert round(2 * 1.0 * 0.02 / 1.02, 2) == 0.04 and (1.0 + 0.02) / 2 == 0.51
    says(PRECISION, "F1 is 0.640, F2 is 0.727", "F0.5 is 0.571", "an arithmetic mean of 0.51 but an F1 of 0.04")


def test_f1_of_always_positive() -> None:
    assert [round(2 * rate / (1 + rate), 2) for rate in (0.5, 0.01)] == [0.67, 0.02]
    says(PRECISION, "0.67 on balanced data and 0.02 at 1 % positives")


def test_mcc_and_balanced_accuracy_of_the_fraud_counts() -> None:
    mcc = (TP * TN - FP * FN) / sqrt((TP + FP) * (TP + FN) * (TN + FP) * (TN + FN))
    assert round(mcc, 2) == 0.65 and round((TP / 100 + TN / 9_900) / 2, 3) == 0.896
    says(PRECISION, "(MCC)**: 0.65", "balanced accuracy is 0.896")


def test_precision_by_prevalence() -> None:
    assert [round(100 * precision_at(rate, 0.8, 0.007)) for rate in (0.1, 0.01, 0.001)] == [93, 54, 10]
    says(PRECISION, "precision 93 % when 10 % of cases are positive, 54 % at 1 % positive and 10 % at 0.1 % positive")


def test_recall_interval_with_100_positives() -> None:
    assert round(1.96 * sqrt(0.8 * 0.2 / 100), 2) == 0.08
    says(PRECISION, "with 100 positives, a recall of 80 % carries about plus or minus 8 points")


def test_precision_behind_a_good_looking_roc_point() -> None:
    caught, alarms = 0.8 * 1_000, 0.01 * 999_000
    assert (round(caught), round(alarms)) == (800, 9_990)
    assert round(caught / (caught + alarms), 3) == 0.074
    distance = norm.ppf(0.8) - norm.ppf(0.01)
    assert norm.cdf(distance / sqrt(2)) > 0.95
    assert alarms / (caught + alarms) > 0.9
    says(AUC, "800 true positives and 9,990 false positives, so precision is 7.4 %", "more than nine false alarms in ten")


def test_roc_auc_and_average_precision_by_hand() -> None:
    positives, negatives = [0.9, 0.6, 0.4], [0.8, 0.3, 0.2, 0.1]
    right = [sum(p > n for n in negatives) for p in positives]
    assert right == [4, 3, 3] and round(sum(right) / 12, 3) == 0.833
    assert round((1 + 2 / 3 + 3 / 4) / 3, 3) == 0.806
    says(AUC, "10 / 12 = 0.833", "(1 + 0.667 + 0.75) / 3 = 0.806")


def test_standard_error_of_roc_auc() -> None:
    auc, positives, negatives = 0.85, 100, 100_000
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    assert round(sqrt(variance / (positives * negatives)), 2) == 0.02
    says(AUC, "the standard error of an ROC-AUC of 0.85 is about 0.02")


def test_cost_thresholds() -> None:
    assert 1 / (1 + 4) == 0.2 and 4 / (4 + 1) == 0.8
    assert 5 / (5 + 195) == 0.025 and 5 / 20 == 0.25 and 5 / 2_000 == 0.0025
    assert round(1 - 5 / 60, 3) == 0.917
    says(THRESHOLD, "1 / 5 = 0.2", "5 / (5 + 195) = 0.025", "5 / 20 = 0.25", "it is 0.0025", "above p = 0.917")


def test_capacity_quantile_and_small_precision_sample() -> None:
    assert pytest.approx(98.75) == 100 * (1 - 500 / 40_000)
    assert round(28 / 30, 2) == 0.93 and beta.ppf(0.025, 28, 3) < 0.8 < 28 / 30
    says(THRESHOLD, "1 − 500 / 40,000 = 98.75 %", "93 % on 30 flagged cases is compatible with 80 %")


def test_f1_threshold_is_half_of_the_best_f1() -> None:
    p = np.random.default_rng(0).beta(1, 6, 20_000)
    ordered = np.sort(p)[::-1]
    f1 = 2 * np.cumsum(ordered) / (np.arange(1, len(p) + 1) + p.sum())
    assert ordered[f1.argmax()] == pytest.approx(f1.max() / 2, abs=0.002)
    says(THRESHOLD, "the F1-optimal threshold equals half of the best achievable F1")


def test_youden_cost_ratio_at_one_percent() -> None:
    assert round((1 - 0.01) / 0.01) == 99
    says(THRESHOLD, "as if a miss cost 99 times a false alarm")


def test_probability_after_down_sampling() -> None:
    assert round(0.5 / (0.5 + 0.5 / 0.1), 3) == 0.091
    says(THRESHOLD, "0.5 / (0.5 + 5) = 0.091")


def test_log_loss_values_and_baselines() -> None:
    assert [round(-log(p), 3) for p in (0.9, 0.5, 0.01)] == [0.105, 0.693, 4.605]
    assert round(-(0.02 * log(0.02) + 0.98 * log(0.98)), 3) == 0.098 and round(0.02 * 0.98, 4) == 0.0196
    says(
        CALIBRATION, "0.9 costs 0.105", "0.5 costs 0.693", "0.01 costs 4.605", "only 0.098 at 2 % positives", "baseline is 0.0196"
    )


def test_expected_calibration_error_example() -> None:
    gaps = [0.5 * abs(0.12 - 0.1), 0.3 * abs(0.4 - 0.5), 0.2 * abs(0.75 - 0.9)]
    assert sum(gaps) == pytest.approx(0.07)
    says(CALIBRATION, "0.5 × 0.02 + 0.3 × 0.10 + 0.2 × 0.15 = 0.07")


def test_mae_and_rmse_with_one_large_error() -> None:
    errors = np.array([1, 1, 2, 2, 14])
    assert errors.mean() == 4 and round(float(np.sqrt((errors**2).mean())), 2) == 6.42 and (errors**2).sum() == 206
    assert round(sqrt(pi / 2), 2) == 1.25
    says(REGRESSION, "MAE is 4.0 and RMSE is 6.42", "196 of the 206 squared units", "near 1.25")


def test_r_squared_depends_on_spread() -> None:
    assert pytest.approx(0.84) == 1 - 20**2 / 50**2 and pytest.approx(0.36) == 1 - 20**2 / 25**2
    says(REGRESSION, "R squared 0.84", "and 0.36")


def test_pinball_and_newsvendor() -> None:
    assert 0.9 * 10 == 9 and pytest.approx(1) == (1 - 0.9) * 10 and 9 / (9 + 1) == 0.9
    assert (3 - 1) / 1 == 2 and (1_000 - 900) / 1_000 == 0.1
    says(REGRESSION, "10 units too low costs 9 and being 10 units too high costs 1", "costs 200 %", "9 / (9 + 1) = 0.9 quantile")


def test_log_target_back_transformation() -> None:
    assert round(exp(0.8**2 / 2), 2) == 1.38 and round(100 * (1 - exp(-(0.8**2) / 2))) == 27
    says(REGRESSION, "the factor is 1.38", "27 % too low")


def test_ndcg_by_hand() -> None:
    dcg = 7 / 1 + 0 + 3 / log2(4) + 1 / log2(5)
    ideal = 7 / 1 + 3 / log2(3) + 1 / log2(4)
    assert (round(dcg, 2), round(ideal, 2), round(dcg / ideal, 3)) == (8.93, 9.39, 0.951)
    assert (round(log2(5), 3), round(log2(3), 3)) == (2.322, 1.585)
    says(RANKING, "7 / 1 + 0 + 3 / 2 + 1 / 2.322 = 8.93", "7 / 1 + 3 / 1.585 + 1 / 2 = 9.39", "8.93 / 9.39 = 0.951")


def test_reciprocal_rank_average_precision_and_novelty() -> None:
    assert (1 / 2 + 2 / 5) / 2 == 0.45 and round(1 / 9, 2) == 0.11 and -log2(1 / 1_024) == 10
    says(RANKING, "(1/2 + 2/5) / 2 = 0.45", "from 0.11 to 0.10", "1 in 1,024 users has seen scores 10")


def test_rank_among_sampled_negatives() -> None:
    assert round(499 / 10_000 * 100) + 1 == 6
    says(RANKING, "the item lands near rank 6")


def test_queries_for_an_ndcg_difference() -> None:
    factor = (norm.ppf(0.975) + norm.ppf(0.8)) ** 2
    assert round(factor, 2) == 7.85 and round(7.85 * 0.2**2 / 0.02**2) == 785
    says(RANKING, "about 785 queries, from 7.85 × 0.2² / 0.02²")


def test_winner_of_equal_models_is_flattered() -> None:
    assert round(expected_maximum(50), 1) == 2.2 and round(expected_maximum(20), 1) == 1.9
    says(FOLDS, "the best one appears about 2.2 points better than the truth")
    says(COMPARING, "the best appears about 1.9 points above its true value")


def test_nested_fits_and_fold_spread() -> None:
    assert 5 * (5 * 20 + 1) == 505
    scores = np.array([0.81, 0.84, 0.79, 0.86, 0.80])
    assert round(float(scores.mean()), 2) == 0.82 and round(float(scores.std(ddof=1)), 3) == 0.029
    says(FOLDS, "5 × (5 × 20 + 1) = 505 models", "the mean is 0.82 and the standard deviation 0.029")


def test_standard_error_of_a_large_holdout() -> None:
    assert round(sqrt(0.9 * 0.1 / 100_000), 3) == 0.001
    says(FOLDS, "an accuracy of 0.90 has a standard error of about 0.001")


def test_slice_mix_and_slice_noise() -> None:
    assert 0.9 * 95 + 0.1 * 65 == 92 and round(1.96 * sqrt(0.1 * 0.9 / 50), 2) == 0.08
    says(SLICES, "0.9 × 95 + 0.1 × 65 = 92", "the 95 % interval is about plus or minus 8 points")


def test_simpsons_paradox_table() -> None:
    old, new = (0.93 * 200 + 0.70 * 800) / 1_000, (0.92 * 800 + 0.68 * 200) / 1_000
    assert (round(old, 3), round(new, 3), round(new - old, 3)) == (0.746, 0.872, 0.126)
    says(SLICES, "74.6 % | 87.2 %", "12.6 points better overall")


def test_paired_and_unpaired_standard_errors() -> None:
    unpaired = sqrt(0.86 * 0.14 / 2_000 + 0.875 * 0.125 / 2_000)
    paired = sqrt(100 - (65 - 35) ** 2 / 2_000) / 2_000
    assert (round(100 * unpaired, 2), round(100 * paired, 2)) == (1.07, 0.50)
    assert (round(0.015 / unpaired, 1), round(0.015 / paired, 1)) == (1.4, 3.0)
    says(COMPARING, "1.07 points and z is 1.4", "0.50 points and z is 3.0")


def test_discordant_cases_and_preference_sample_size() -> None:
    assert round(7.85 * 0.25 / 0.1**2) == 196 and round(7.85 * 0.25 / 0.05**2) == 785
    assert round(196 / 0.05, -2) == 3_900 and round(1.96 * sqrt(0.57 * 0.43 / 200), 2) == 0.07
    says(COMPARING, "takes about 196 of them", "about 3,900 test cases", "50 % to 64 %", "takes about 785 comparisons")


def test_cohens_kappa_example() -> None:
    observed = (40 + 35) / 100
    expected = 0.55 * 0.50 + 0.45 * 0.50
    assert (observed - expected) / (1 - expected) == pytest.approx(0.5)
    says(COMPARING, "0.55 × 0.50 + 0.45 × 0.50 = 0.50", "kappa is 0.25 / 0.50 = 0.5")
