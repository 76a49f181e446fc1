"""The numbers worked out in the fundamentals guides, recomputed."""

import numpy as np
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.semi_supervised import LabelSpreading

from tests.corpus.guides import says


def test_label_spreading_on_digits_recovers_part_of_the_gap() -> None:
    features, digits = load_digits(return_X_y=True)
    split = train_test_split(features / 16, digits, test_size=500, stratify=digits, random_state=0)
    train, test, train_digits, test_digits = split
    few = np.concatenate([np.flatnonzero(train_digits == digit)[:4] for digit in range(10)])
    partly = np.full(len(train_digits), -1)
    partly[few] = train_digits[few]
    small = LogisticRegression(max_iter=500).fit(train[few], train_digits[few]).score(test, test_digits)
    spread = LabelSpreading(kernel="knn", n_neighbors=15).fit(train, partly).score(test, test_digits)
    full = LogisticRegression(max_iter=500).fit(train, train_digits).score(test, test_digits)
    assert [round(score, 3) for score in (small, spread, full)] == [0.876, 0.914, 0.968]
    assert round((spread - small) / (full - small), 1) == 0.4
    says("fundamentals/learning-paradigms", "scores 87.6%", "scores 91.4%", "1,297 labels scores 96.8%", "about 40% of the gap")


def test_clicks_lost_by_an_even_split() -> None:
    assert round(20_000 / 2 * (0.12 - 0.10)) == 200
    says("fundamentals/learning-paradigms", "loses about 200 clicks")


def test_variance_of_least_squares_is_coefficients_times_noise_over_rows() -> None:
    assert round(16 * 0.09 / 25, 3) == 0.058
    says("fundamentals/bias-variance-and-overfitting", "16 × 0.09 / 25 = 0.058")


def test_random_columns_that_correlate_with_a_label_by_chance() -> None:
    t_statistic = 0.3 * np.sqrt(98 / (1 - 0.3**2))
    assert round(1000 * 2 * stats.t.sf(t_statistic, 98)) == 2
    says("fundamentals/bias-variance-and-overfitting", "about two columns correlate with the label by chance at |r| above 0.3")


def test_power_law_extrapolation_of_a_learning_curve() -> None:
    ratio = 10 / 12
    assert round(ratio, 2) == 0.83 and round(10 * ratio, 1) == 8.3 and 6.9 < 10 * ratio**2 < 7
    says("fundamentals/bias-variance-and-overfitting", "about 8.3% at 20,000", "reaching 7% needs about 40,000 labels")


def test_best_of_a_hundred_equal_models() -> None:
    scores = np.random.default_rng(0).binomial(1000, 0.8, size=(5000, 100)) / 1000
    assert round(100 * np.sqrt(0.8 * 0.2 / 1000), 2) == 1.26 and round(scores.max(axis=1).mean(), 2) == 0.83
    says("fundamentals/bias-variance-and-overfitting", "standard error is 1.26 points", "will show about 83%")


def test_soft_threshold_and_proportional_shrinkage() -> None:
    weights = np.array([3.0, 0.5])
    assert list(np.sign(weights) * np.maximum(np.abs(weights) - 1, 0)) == [2.0, 0.0]
    assert list(weights / (1 + 1)) == [1.5, 0.25]
    says("fundamentals/regularisation", "gives 2.0 and 0.0", "gives 1.5 and 0.25")


def test_five_point_regression_by_hand() -> None:
    x, y = np.arange(1.0, 6.0), np.array([3.0, 5, 6, 8, 8])
    products, squares = (x - 3) @ (y - 6), (x - 3) @ (x - 3)
    slope = products / squares
    intercept = 6 - 3 * slope
    residual = y - intercept - slope * x
    error = np.sqrt(residual @ residual / 3 / squares)
    margin = stats.t.ppf(0.975, 3) * error
    assert (products, squares, round(slope, 1), round(intercept, 1)) == (13, 10, 1.3, 2.1)
    assert np.allclose(residual, [-0.4, 0.3, 0, 0.7, -0.6]) and round(residual @ residual, 1) == 1.1
    assert round(1 - 1.1 / ((y - 6) @ (y - 6)), 2) == 0.94 and round(error, 2) == 0.19
    assert (round(slope - margin, 2), round(slope + margin, 2)) == (0.69, 1.91)
    says("fundamentals/linear-regression", "the slope is 1.3", "= 2.1", "1 − 1.1/18 = 0.94", "from 0.69 to 1.91")


def test_log_target_coefficients_and_retransformation() -> None:
    assert round(np.exp(0.08), 3) == 1.083 and round(100 * np.expm1(0.5)) == 65
    assert round(0.6**2 / 2, 2) == 0.18 and round(np.exp(0.18), 2) == 1.20
    says("fundamentals/linear-regression", "e^0.08 = 1.083", "the change is 65%, not 50%", "e^0.18 = 1.20 times")


def test_variance_inflation_at_r_squared_of_nine_tenths() -> None:
    assert round(1 / (1 - 0.9)) == 10 and round(np.sqrt(10), 1) == 3.2
    says("fundamentals/linear-regression", "the VIF is 10", "√10 = 3.2 times larger")


def test_omitted_ability_bias() -> None:
    assert 2 * 0.5 == 1.0
    says("fundamentals/linear-regression", "too high by 1.0")


def sigmoid(z: float) -> float:
    return float(1 / (1 + np.exp(-z)))


def test_an_odds_ratio_moves_the_probability_by_where_it_starts() -> None:
    assert round(np.exp(0.7), 2) == 2.01
    assert [round(100 * sigmoid(z)) for z in (-2, -1.3, 0, 0.7)] == [12, 21, 50, 67]
    assert round(100 * (sigmoid(-1.3) - sigmoid(-2))) == 9
    says("fundamentals/logistic-regression", "e^0.7 = 2.01", "leads to 21% (z = −1.3)", "leads to 67% (z = 0.7)")


def test_scoring_one_customer() -> None:
    z = -2.2 + 0.7 * 1 + 0.03 * 20
    assert round(z, 1) == -0.9 and round(np.exp(z), 2) == 0.41 and round(sigmoid(z), 2) == 0.29
    assert round(np.exp(0.3), 2) == 1.35
    says("fundamentals/logistic-regression", "= −0.9.", "0.41/1.41 = 0.29", "e^0.3 = 1.35")


def test_odds_correction_after_downsampling_negatives() -> None:
    odds = 0.9 / 0.1 / 99
    assert 0.01 / (0.01 + 0.99 / 99) == 0.5 and round(100 * odds / (1 + odds), 1) == 8.3
    says("fundamentals/logistic-regression", "true odds 9/99 and a probability of 8.3%", "2²⁴ = 16.8 million")
    assert round(2**24 / 1e6, 1) == 16.8


def test_gini_and_information_gain_of_a_split() -> None:
    entropy = -(0.8 * np.log2(0.8) + 0.2 * np.log2(0.2))
    assert round(1 - 0.8**2 - 0.2**2, 2) == 0.32 and round(entropy, 3) == 0.722
    says("fundamentals/trees-and-random-forests", "0.5 − 0.32 = 0.18", "1 − 0.722 = 0.278 bits")


def test_variance_of_an_average_of_correlated_trees() -> None:
    assert round(0.3 + 0.7 / 100, 3) == 0.307 and round(0.1 + 0.9 / 100, 3) == 0.109
    assert round((1 - 1 / 100_000) ** 100_000, 3) == 0.368
    says("fundamentals/trees-and-random-forests", "from 1 to 0.307", "brings it to 0.109", "≈ 0.368")
