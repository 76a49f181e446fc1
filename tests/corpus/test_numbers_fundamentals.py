"""The numbers worked out in the fundamentals guides, recomputed."""

import numpy as np
from scipy import stats
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_digits, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, silhouette_samples
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
    assert [round(float(value), 1) for value in (products, squares, slope, intercept)] == [13, 10, 1.3, 2.1]
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


def test_two_rounds_of_boosting_with_stumps() -> None:
    target = np.array([10.0, 12, 20, 26])
    prediction = np.full(4, target.mean())
    errors, cuts = [np.mean((target - prediction) ** 2)], []
    for _ in range(2):
        residual = target - prediction
        stumps = [np.repeat([residual[:k].mean(), residual[k:].mean()], [k, 4 - k]) for k in (1, 2, 3)]
        best = int(np.argmin([np.sum((residual - stump) ** 2) for stump in stumps]))
        prediction = prediction + 0.5 * stumps[best]
        cuts.append(best + 1)
        errors.append(np.mean((target - prediction) ** 2))
    assert errors == [41, 14, 5] and cuts == [2, 3] and list(prediction) == [13, 13, 19, 23]
    says("fundamentals/gradient-boosting", "mean squared error is 41", "falls to 14", "F = 13, 13, 19, 23", "falls to 5")


def test_a_regularised_leaf_weight_and_the_price_of_a_search() -> None:
    assert 12 / (4 + 0) == 3.0 and 12 / (4 + 1) == 2.4 and 50 * 5 * 1000 == 250_000 and 1000 * 6 == 6000
    says("fundamentals/gradient-boosting", "from 3.0 to 2.4", "are 250,000 trees", "6,000 comparisons a row")


def test_polynomial_kernel_equals_its_explicit_features() -> None:
    x, z = np.array([1.0, 2.0]), np.array([3.0, 1.0])

    def explicit(v: np.ndarray) -> np.ndarray:
        return np.array([v[0] ** 2, np.sqrt(2) * v[0] * v[1], v[1] ** 2])

    assert (x @ z) ** 2 == 25 and np.isclose(explicit(x) @ explicit(z), 25)
    says("fundamentals/svm-naive-bayes-knn", "both give 25")


def test_rbf_kernel_at_distance_two() -> None:
    assert round(np.exp(-0.1 * 4), 2) == 0.67 and f"{np.exp(-10 * 4):.0e}" == "4e-18"
    says("fundamentals/svm-naive-bayes-knn", "0.67 at gamma = 0.1 and 4 × 10⁻¹⁸ at gamma = 10")


def test_hinge_and_log_loss_at_two_margins() -> None:
    assert [max(0, 1 - margin) for margin in (3, -2)] == [0, 3]
    assert [round(float(np.log1p(np.exp(-margin))), 3) for margin in (3, -2)] == [0.049, 2.127]
    says("fundamentals/svm-naive-bayes-knn", "the hinge loss is 0 and the log loss is 0.049; at −2 they are 3 and 2.13")


def test_naive_bayes_by_hand() -> None:
    spam, ham = 0.4 * 0.3 * 0.2, 0.6 * 0.02 * 0.05
    assert (round(spam, 4), round(ham, 4), round(spam / (spam + ham), 3)) == (0.024, 0.0006, 0.976)
    assert round(spam * 0.2 / (spam * 0.2 + ham * 0.05), 3) == 0.994
    assert round(1 / 5200, 5) == 0.00019 and round(200 * np.log(0.001)) == -1382
    says("fundamentals/svm-naive-bayes-knn", "0.0240/0.0246 = 0.976", "climbs to 0.994", "= 0.00019", "−1,382")


def test_side_of_a_cube_that_holds_one_percent() -> None:
    assert [round(0.01 ** (1 / d), 2) for d in (2, 10, 100)] == [0.1, 0.63, 0.95] and 10 * 9 // 2 == 45
    says("fundamentals/svm-naive-bayes-knn", "side 0.1 in 2 dimensions, 0.63 in 10 and 0.95 in 100", "45 one-vs-one")


def test_k_means_by_hand_on_six_points() -> None:
    points, centres, inertia = np.array([1.0, 2, 4, 8, 10, 12]), np.array([1.0, 2.0]), []
    for _ in range(3):
        labels = np.abs(points[:, None] - centres).argmin(axis=1)
        centres = np.array([points[labels == j].mean() for j in (0, 1)])
        inertia.append(round(float(((points - centres[labels]) ** 2).sum()), 2))
    assert inertia == [68.8, 12.67, 12.67] and list(centres.round(2)) == [2.33, 10]
    scores = silhouette_samples(points[:, None], labels)
    assert round(scores[2], 2) == 0.58 and round(scores.mean(), 2) == 0.68
    says("fundamentals/clustering", "1 and 7.2, with inertia 68.8", "2.33 and 10, with inertia 12.67", "s = 0.58", "is 0.68")


def test_k_means_and_dbscan_on_half_moons() -> None:
    points, moons = make_moons(400, noise=0.06, random_state=0)
    centres = KMeans(2, n_init=10, random_state=0).fit_predict(points)
    dense = DBSCAN(eps=0.15, min_samples=5).fit_predict(points)
    assert round(adjusted_rand_score(moons, centres), 1) == 0.3 and adjusted_rand_score(moons, dense) == 1
    says("fundamentals/clustering", "an ARI of about 0.3 where DBSCAN reaches 1")


def test_memory_of_all_pairs() -> None:
    pairs = 50_000 * 49_999 / 2
    assert round(pairs / 1e9, 2) == 1.25 and round(pairs * 8 / 1e9) == 10
    says("fundamentals/clustering", "1.25 billion pairs, about 10 GB")


def test_johnson_lindenstrauss_bound_and_embedding_storage() -> None:
    bound = [int(4 * np.log(10_000) / (e**2 / 2 - e**3 / 3)) for e in (0.2, 0.1)]
    assert bound == [2125, 7894] and [round(1e8 * d * 4 / 1e9) for d in (768, 128)] == [307, 51]
    says(
        "fundamentals/dimensionality-reduction",
        "2,125 dimensions at ε = 0.2 and 7,894",
        "takes 307 GB, and 128 values take 51 GB",
    )


def test_chance_that_random_trials_hit_the_best_region() -> None:
    assert round(1 - 0.95**60, 2) == 0.95 and round(1 - 0.99**60, 2) == 0.45
    assert 1 - 0.99**299 >= 0.95 > 1 - 0.99**298 and 5**4 == 625 and 5**5 == 3125
    assert round(0.01, 2) == round((0.01 - 0.0001) / (1 - 0.0001), 2) and np.log10(0.01 / 0.0001) / 4 == 0.5
    says("fundamentals/hyperparameter-search", "1 − 0.95⁶⁰ = 95%", "probability 45%, and 299 trials", "3,125 fits")


def test_successive_halving_budget() -> None:
    assert sum(81 // 3**r * 3**r for r in range(5)) == 405 and 81 * 81 == 6561 and 5 * 5 * 50 == 1250
    resumed = 81 + sum(81 // 3**r * (3**r - 3 ** (r - 1)) for r in range(1, 5))
    assert resumed == 297
    says("fundamentals/hyperparameter-search", "405 epochs instead of 6,561", "(297 if survivors resume", "= 1,250 fits")


def test_share_of_a_linear_range_in_its_top_decade() -> None:
    assert round((1 - 0.1) / (1 - 0.0001), 2) == 0.9
    says("fundamentals/hyperparameter-search", "about 90% of the trials in the top decade")


def test_luck_of_the_best_of_fifty() -> None:
    best = np.random.default_rng(0).normal(size=(20_000, 50)).max(axis=1)
    assert round(best.mean(), 1) == 2.2
    says("fundamentals/hyperparameter-search", "looks 2.2 points better")


def test_shapley_values_of_two_features_by_hand() -> None:
    income = ((0.30 - 0.20) + (0.50 - 0.25)) / 2
    debt = ((0.25 - 0.20) + (0.50 - 0.30)) / 2
    assert round(income, 3) == 0.175 and round(debt, 3) == 0.125 and np.isclose(0.20 + income + debt, 0.50)
    says("fundamentals/interpretability", "SHAP value of income is 0.175 and of debt is 0.125")


def test_equal_error_rates_give_unequal_precision() -> None:
    flagged = [base * 0.8 + (1 - base) * 0.2 for base in (0.5, 0.2)]
    precision = [base * 0.8 / rate for base, rate in zip((0.5, 0.2), flagged, strict=True)]
    assert [round(rate, 2) for rate in flagged] == [0.5, 0.32] and np.allclose(precision, [0.8, 0.5])
    says("fundamentals/fairness", "50% are flagged and precision is 80%", "32% are flagged and precision is 50%")


def test_fairness_margins_and_four_fifths() -> None:
    assert [round(196 * np.sqrt(0.8 * 0.2 / n), 1) for n in (50, 500)] == [11.1, 3.5] and round(0.18 / 0.30, 2) == 0.6
    says("fundamentals/fairness", "±11 points, on 500 by ±3.5", "0.18/0.30 = 0.60")
