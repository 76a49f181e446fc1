"""The numbers worked out in the statistics guides, recomputed."""

import math

import numpy as np
from scipy import stats

from tests.corpus.guides import says


def test_a_positive_test_for_a_rare_disease() -> None:
    ill, healthy = 0.99 * 100, 0.05 * 9_900
    assert (round(ill), round(healthy)) == (99, 495)
    assert round(100 * ill / (ill + healthy), 1) == 16.7
    says("statistics/probability-and-bayes", "99 / (99 + 495) = 16.7%", "495 of the healthy", "about 17%")


def test_a_positive_test_at_one_in_a_thousand() -> None:
    ill, healthy = 0.99 * 100, 0.05 * 99_900
    assert (round(ill), round(healthy), round(ill + healthy)) == (99, 4_995, 5_094)
    assert round(100 * ill / (ill + healthy), 1) == 1.9
    says("statistics/probability-and-bayes", "of 100,000 people 99 ill and 4,995 healthy ones", "99 / 5,094 = 1.9%")


def test_odds_after_one_and_two_positive_tests() -> None:
    ratio = 0.99 / 0.05
    once, twice = ratio / 99, ratio**2 / 99
    assert (round(ratio, 1), round(once, 2), round(twice, 2)) == (19.8, 0.2, 3.96)
    assert round(100 * once / (1 + once), 1) == 16.7 and round(100 * twice / (1 + twice), 1) == 79.8
    says("statistics/probability-and-bayes", "giving odds of 3.96 and a probability of 79.8%", "0.99 / 0.05 = 19.8")


def test_complement_puzzles() -> None:
    assert round(100 * (1 - (5 / 6) ** 4), 1) == 51.8
    assert round(100 * (1 - math.prod((365 - day) / 365 for day in range(23))), 1) == 50.7
    says("statistics/probability-and-bayes", "(5/6)⁴ = 51.8%", "23 people has probability 50.7%")


def test_scores_moved_to_the_real_base_rate() -> None:
    balanced = 0.8 / 0.2 * 0.01 / 0.99
    downsampled = 0.5 / 0.5 * 0.1
    assert round(balanced / (1 + balanced), 3) == 0.039 and round(downsampled / (1 + downsampled), 3) == 0.091
    says("statistics/probability-and-bayes", "outputs 0.80 means 0.039", "outputs 0.50 means 0.091")


def test_rare_counts_under_binomial_and_poisson() -> None:
    assert round(100 * stats.binom.pmf(0, 1_000, 0.002), 2) == 13.51
    assert round(100 * stats.poisson.pmf(0, 2), 2) == 13.53
    assert round(100 * stats.poisson.pmf(0, 3), 1) == 5.0 and round(100 * stats.poisson.sf(5, 3), 1) == 8.4
    says("statistics/distributions-and-expectation", "13.51% under the binomial and 13.53%", "8.4% chance of six or more")


def test_negative_binomial_with_three_times_the_variance() -> None:
    assert 4 + 4**2 / 2 == 12
    says("statistics/distributions-and-expectation", "negative binomial with r = 2, since 4 + 16/2 = 12")


def test_lognormal_mean_over_median() -> None:
    assert round(20 * math.exp(0.5), 1) == 33.0 and round(math.exp(0.5), 2) == 1.65
    assert round(100 * stats.norm.cdf(0.5)) == 69
    says("statistics/distributions-and-expectation", "has mean 33.0, which is 1.65 times", "69% of the observations")


def test_revenue_per_user_as_a_mixture() -> None:
    within, between = 0.05 * 30**2, 0.05 * 0.95 * 40**2
    assert (round(within), round(between), round(math.sqrt(within + between))) == (45, 76, 11)
    says("statistics/distributions-and-expectation", "0.05 × 900 = 45", "0.05 × 0.95 × 40² = 76", "standard deviation is 11")
    assert round(121 / 2**2 / (0.95 / 0.05), 1) == 1.6
    says("statistics/distributions-and-expectation", "(121/2²) / (0.95/0.05) = 1.6 times")


def test_coupon_collector_on_a_die() -> None:
    assert round(sum(6 / faces for faces in range(1, 7)), 1) == 14.7
    says("statistics/distributions-and-expectation", "6/2 + 6/1 = 14.7")


def test_flips_until_two_heads_and_until_heads_tails() -> None:
    # expected flips left: solve e = 1 + (moves) @ e for the states "nothing" and "one head"
    twice = np.linalg.solve([[0.5, -0.5], [-0.5, 1.0]], [1.0, 1.0])[0]
    once_each = np.linalg.solve([[0.5, -0.5], [0.0, 0.5]], [1.0, 1.0])[0]
    assert (round(twice), round(once_each)) == (6, 4)
    says("statistics/distributions-and-expectation", "6 flips for heads-heads and 4 flips for heads-tails")


def test_total_time_of_a_hundred_requests() -> None:
    assert round(100 * stats.norm.sf(5_000, 100 * 48, 12 * 10), 1) == 4.8
    says("statistics/confidence-intervals-and-bootstrap", "exceeds 5 s with probability 4.8%")


def test_percentile_bootstrap_is_narrow_on_ten_rows() -> None:
    ratio = 1.96 * math.sqrt(9 / 10) / stats.t.ppf(0.975, 9)
    assert round(100 * (1 - ratio)) == 18
    says("statistics/confidence-intervals-and-bootstrap", "about 18% narrower than the t-interval at n = 10")


def test_coverage_of_the_t_interval_on_skewed_data() -> None:
    rng = np.random.default_rng(0)
    covered = {}
    for size in (30, 300):
        draws = rng.lognormal(0, 1, (4_000, size))
        margin = stats.t.ppf(0.975, size - 1) * draws.std(axis=1, ddof=1) / math.sqrt(size)
        covered[size] = float(np.mean(np.abs(draws.mean(axis=1) - math.exp(0.5)) < margin))
    assert round(100 * covered[30]) == 88 and round(100 * covered[300]) == 94
    says("statistics/confidence-intervals-and-bootstrap", "about 88% of the time at n = 30, and about 94% at n = 300")


def test_intervals_of_a_mean_and_of_proportions() -> None:
    t = stats.t.ppf(0.975, 24)
    assert (round(t, 3), round(6 * t, 1), round(120 - 6 * t, 1), round(120 + 6 * t, 1)) == (2.064, 12.4, 107.6, 132.4)
    assert round(100 * 1.96 * math.sqrt(0.85 * 0.15 / 1_000), 1) == 2.2
    wald = 1.96 * math.sqrt(0.96 * 0.04 / 50)
    assert (round(100 * (0.96 - wald), 1), round(100 * (0.96 + wald), 1)) == (90.6, 101.4)
    wilson = stats.binomtest(48, 50).proportion_ci(method="wilson")
    assert (round(100 * wilson.low, 1), round(100 * wilson.high, 1)) == (86.5, 98.9)
    says("statistics/confidence-intervals-and-bootstrap", "107.6 to 132.4 ms", "90.6% to an impossible 101.4%", "86.5% to 98.9%")


def test_rule_of_three() -> None:
    assert 100 * 3 / 50 == 6 and 3 / 0.01 == 300
    assert round(100 * (1 - 0.05 ** (1 / 50)), 1) == 5.8  # the exact bound
    says("statistics/confidence-intervals-and-bootstrap", "a failure rate of 6%", "300 clean trials")


def test_overlapping_intervals_with_a_significant_difference() -> None:
    error = math.sqrt(2)
    assert round(2 * stats.norm.sf(3 / error), 3) == 0.034
    assert (round(3 - 1.96 * error, 1), round(3 + 1.96 * error, 1)) == (0.2, 5.8)
    assert (round(10 + 1.96, 1), round(13 - 1.96, 1)) == (12.0, 11.0)
    says("statistics/confidence-intervals-and-bootstrap", "interval 0.2 to 5.8 and p = 0.034")


def test_bootstrap_maximum_and_t_multipliers() -> None:
    assert round(100 * (1 - math.exp(-1))) == 63
    assert round(stats.t.ppf(0.975, 4), 3) == 2.776 and round(stats.t.ppf(0.975, 99), 3) == 1.984
    says("statistics/confidence-intervals-and-bootstrap", "probability about 63%", "2.776 instead of 1.96", "it is 1.984")


def two_proportions(control: int, treatment: int, users: int) -> tuple[float, float]:
    """z and two-sided p of equal arms, pooled."""
    rate = (control + treatment) / (2 * users)
    z = (treatment - control) / users / math.sqrt(rate * (1 - rate) * 2 / users)
    return z, float(2 * stats.norm.sf(abs(z)))


def test_two_conversion_rates() -> None:
    z, p = two_proportions(1_000, 1_100, 20_000)
    assert (round(z, 2), round(p, 3)) == (2.24, 0.025)
    assert round(two_proportions(500, 550, 10_000)[1], 3) == 0.113
    assert round(100 * math.sqrt(0.0525 * 0.9475 * 2 / 20_000), 3) == 0.223
    margin = 100 * 1.96 * math.sqrt((0.05 * 0.95 + 0.055 * 0.945) / 20_000)
    low, high = 0.5 - margin, 0.5 + margin
    assert (round(low, 2), round(high, 2), round(100 * low / 5), round(100 * high / 5)) == (0.06, 0.94, 1, 19)
    says("statistics/hypothesis-tests", "z = 0.5 / 0.223 = 2.24", "p-value is 0.025", "0.06 to 0.94 points", "p = 0.113")


def test_one_sided_test_needs_fewer_users() -> None:
    one, two = (stats.norm.ppf(1 - alpha) + stats.norm.ppf(0.8) for alpha in (0.05, 0.025))
    assert round(100 * (1 - (one / two) ** 2)) == 21
    says("statistics/hypothesis-tests", "about 21% fewer users")


def test_share_of_significant_results_that_are_false() -> None:
    true, false = 0.8 * 100, 0.05 * 900
    assert (round(true), round(false), round(100 * false / (true + false))) == (80, 45, 36)
    says("statistics/hypothesis-tests", "45 of 125, which is 36%")


def z_sum(power: float = 0.8, alpha: float = 0.05) -> float:
    return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))


def users_per_arm(before: float, after: float) -> int:
    variances = before * (1 - before) + after * (1 - after)
    return math.ceil(z_sum() ** 2 * variances / (after - before) ** 2)


def test_users_for_a_two_percent_lift_absolute_and_relative() -> None:
    assert round(2 * z_sum() ** 2, 1) == 15.7
    assert round(16 * 0.1 * 0.9 / 0.02**2) == 3_600 and round(16 * 0.1 * 0.9 / 0.002**2) == 360_000
    absolute, relative = users_per_arm(0.10, 0.12), users_per_arm(0.10, 0.102)
    assert (absolute, relative) == (3_839, 356_332)
    assert round(relative / absolute) == 93 and round(2 * relative, -3) == 713_000
    assert math.ceil(2 * relative / 40_000) == 18
    says("statistics/power-and-sample-size", "3,600 users per arm", "3,839 users per arm, 7,678 in total")
    says("statistics/power-and-sample-size", "360,000 users per arm", "356,332 users per arm", "93 times", "takes 18 days")


def test_price_of_more_power() -> None:
    assert round(100 * (z_sum(0.9) / z_sum()) ** 2) == 134
    says("statistics/power-and-sample-size", "costs 34% more users")


def test_users_by_baseline() -> None:
    relative = {rate: users_per_arm(rate / 100, rate * 1.02 / 100) for rate in (1, 5, 10, 30, 50)}
    absolute = {rate: users_per_arm(rate / 100, (rate + 2) / 100) for rate in (1, 5, 10, 30, 50)}
    assert [round(relative[rate], -3) for rate in (5, 10)] == [753_000, 356_000]
    assert [round(relative[rate], -2) for rate in (30, 50)] == [92_100, 39_200] and round(relative[1] / 1e6, 2) == 3.92
    assert [round(users, -1) for users in absolute.values()] == [770, 2_210, 3_840, 8_390, 9_800]
    assert round(z_sum() ** 2 * (0.01 * 0.99 + 0.03 * 0.97) / 0.02**2) == 765
    says("statistics/power-and-sample-size", "| 1% | 3.92 million | 765 |", "| 5% | 753,000 | 2,210 |")
    says("statistics/power-and-sample-size", "| 30% | 92,100 | 8,390 |", "| 50% | 39,200 | 9,800 |")


def test_users_for_revenue_and_reachable_effect() -> None:
    assert round(16 * 121 / 0.04**2 / 1e6, 2) == 1.21
    assert round(100 * math.sqrt(2 * z_sum() ** 2 * 0.09 / 50_000), 2) == 0.53
    says("statistics/power-and-sample-size", "1.21 million users per arm", "detect about 0.53 points")


def test_rows_for_comparing_two_models() -> None:
    def paired(gain: float, disagree: float) -> float:
        return (1.96 * math.sqrt(disagree) + 0.8416 * math.sqrt(disagree - gain**2)) ** 2 / gain**2

    assert round(paired(0.02, 0.10), -1) == 1_960 and round(paired(0.05, 0.15), -1) == 470
    assert round(users_per_arm(0.80, 0.82), -1) == 6_040
    says("statistics/power-and-sample-size", "about 1,960 rows", "about 6,040 rows each", "about 470 rows")


def test_exaggeration_of_significant_results() -> None:
    rng = np.random.default_rng(0)
    factors = []
    for power in (0.2, 0.5, 0.8):
        estimates = rng.normal(z_sum(power), 1, 200_000)
        factors.append(round(float(estimates[np.abs(estimates) > 1.96].mean() / z_sum(power)), 1))
    assert factors == [2.2, 1.4, 1.1]
    says("statistics/power-and-sample-size", "factor of 2.2 on average, at 50% power by 1.4, and at 80% power by 1.1")


def test_price_of_splits_clusters_and_comparisons() -> None:
    assert round((1 / 0.9 + 1 / 0.1) / (1 / 0.5 + 1 / 0.5), 1) == 2.8
    assert round(1 + 19 * 0.05, 2) == 1.95
    more = [round(100 * (z_sum(alpha=0.05 / count) / z_sum()) ** 2 - 100) for count in (5, 10)]
    assert more == [49, 70]
    says(
        "statistics/power-and-sample-size",
        "about 2.8 times",
        "design effect is 1.95",
        "49% more users per arm than one, and ten need 70%",
    )


def test_chance_of_a_false_positive_among_many_tests() -> None:
    chances = [1 - 0.95**tests for tests in (5, 10, 20)]
    assert [round(100 * chance) for chance in chances] == [23, 40, 64] and round(100 * (1 - 0.95**100), 1) == 99.4
    assert round(100 * (1 - (1 - 0.0025) ** 20), 1) == 4.9
    says("statistics/multiple-comparisons", "| 20 | 64% | 1 |", "| 100 | 99.4% | 5 |", "FWER is then 4.9%")


def test_power_lost_to_bonferroni() -> None:
    more = [round(100 * (z_sum(alpha=0.05 / count) / z_sum()) ** 2 - 100) for count in (5, 10, 20)]
    assert more == [49, 70, 90]
    assert round(100 * stats.norm.cdf(z_sum() - stats.norm.ppf(1 - 0.0025))) == 50
    says("statistics/multiple-comparisons", "49% more users", "ten need 70% more, and twenty need 90% more", "from 80% to 50%")


def test_best_of_a_hundred_equal_models() -> None:
    scores = np.random.default_rng(0).binomial(1_000, 0.8, (20_000, 100)) / 1_000
    assert round(100 * math.sqrt(0.8 * 0.2 / 1_000), 2) == 1.26
    assert round(100 * float(scores.max(axis=1).mean()), 1) == 83.1
    says("statistics/multiple-comparisons", "standard error is 1.26 points", "show about 83.1%")


def test_users_planned_for_the_ab_example() -> None:
    assert round(users_per_arm(0.10, 0.106), -2) == 40_300
    says("statistics/ab-testing", "about 40,300 users per arm")


def extended_once() -> float:
    """False positive rate of testing at n and, if not significant, again at 2n."""
    at = stats.multivariate_normal([0, 0], [[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]])
    bound = stats.norm.ppf(0.975)
    return float(1 - (at.cdf([bound, bound]) - 2 * at.cdf([bound, -bound]) + at.cdf([-bound, -bound])))


def test_false_positives_from_peeking() -> None:
    walks = np.random.default_rng(0).normal(size=(200_000, 14)).cumsum(axis=1) / np.sqrt(np.arange(1, 15))
    crossed = np.abs(walks) > 1.96
    assert [round(100 * float(crossed[:, :looks].any(axis=1).mean())) for looks in (5, 10, 14)] == [14, 19, 22]
    says("statistics/ab-test-pitfalls", "from 5% to 14%, 10 looks to 19% and 14 daily looks to 22%")
    says("statistics/ab-testing", "from 5% to over 20%")
    assert round(100 * extended_once(), 1) == 8.3
    says("statistics/ab-testing", "false positive rate from 5% to 8.3%")


def test_boundaries_for_five_planned_looks() -> None:
    looks = np.arange(1, 6)
    walks = np.random.default_rng(0).normal(size=(500_000, 5)).cumsum(axis=1) / np.sqrt(looks)
    for boundary in (np.full(5, 2.413), 2.040 * np.sqrt(5 / looks)):
        assert abs(float((np.abs(walks) > boundary).any(axis=1).mean()) - 0.05) < 0.001
    assert round(2.040 * math.sqrt(5), 2) == 4.56
    says("statistics/ab-test-pitfalls", "Pocock uses |z| > 2.41", "starts at 4.56 and ends at 2.04")


def test_sample_ratio_mismatch() -> None:
    result = stats.chisquare([50_600, 49_400])
    assert round(float(result.statistic), 1) == 14.4 and round(float(result.pvalue), 5) == 0.00015
    says("statistics/ab-test-pitfalls", "χ² = 14.4 and p = 0.00015")


def test_interference_lift_and_cuped_factors() -> None:
    assert round(100 * (550 / 450 - 1)) == 22
    assert round(100 * 0.7**2) == 49 and round(100 * 0.5**2) == 25
    says("statistics/ab-test-pitfalls", "the test shows a 22% lift", "0.7 removes 49% of the variance", "0.5 removes 25%")


def test_ramp_up_reverses_the_result() -> None:
    control = (0.02 * 990_000 + 0.01 * 500_000) / 1_490_000
    treatment = (0.023 * 10_000 + 0.012 * 500_000) / 510_000
    assert (round(100 * treatment, 2), round(100 * control, 2)) == (1.22, 1.66)
    says("statistics/ab-test-pitfalls", "1.22% against 1.66%")


def test_traffic_saved_by_triggering() -> None:
    everyone, triggered = 1 / 0.2**2, 1 / 0.2
    assert round(triggered / everyone, 2) == 0.2
    says("statistics/ab-test-pitfalls", "about one fifth of the traffic")


def test_difference_in_differences_and_wald() -> None:
    assert (130 - 100) - (95 - 80) == 15
    growth = 95 / 80
    assert round(100 * growth - 100, 2) == 18.75 and round(130 - 100 * growth, 2) == 11.25
    assert round(0.50 / 0.20, 2) == 2.5
    says("statistics/causal-inference", "30 − 15 = 15 orders", "18.75%", "11.25 orders", "0.50 / 0.20 = 2.50")


def test_kidney_stones_pooled_and_standardised() -> None:
    cured = {"A": ((81, 87), (192, 263)), "B": ((234, 270), (55, 80))}
    by_size = {name: [hits / all_ for hits, all_ in rows] for name, rows in cured.items()}
    pooled = {name: sum(hits for hits, _ in rows) / sum(all_ for _, all_ in rows) for name, rows in cured.items()}
    standard = {name: (small * 357 + large * 343) / 700 for name, (small, large) in by_size.items()}
    assert [round(100 * rate) for rate in (*by_size["A"], *by_size["B"])] == [93, 73, 87, 69]
    assert [round(100 * rate) for rate in (*pooled.values(), *standard.values())] == [78, 83, 83, 78]
    says("statistics/causal-inference", "pooled A cured 78% and B 83%", "A cures 83% and B 78%")


def test_underflow_of_a_long_product() -> None:
    assert 0.5**1_100 == 0.0 and round(1_100 * math.log(0.5)) == -762
    says("statistics/likelihood-and-map", "1,100 fair coin flips is exactly zero", "its logarithm is −762")


def test_likelihood_ratio_of_two_coins() -> None:
    ratio = stats.binom.pmf(7, 10, 0.7) / stats.binom.pmf(7, 10, 0.5)
    assert round(ratio, 1) == 2.3
    says("statistics/likelihood-and-map", "2.3 times as likely")


def test_three_heads_under_a_beta_prior() -> None:
    assert (3 + 1) / (3 + 2) == 0.8 and round((3 + 2) / (3 + 4), 2) == 0.71
    assert [round(float(bound), 2) for bound in stats.beta.ppf([0.025, 0.975], 5, 2)] == [0.36, 0.96]
    says("statistics/likelihood-and-map", "| 0.80 |", "| 0.71 |", "| 0.36 to 0.96 |")


def test_shrunken_click_rates() -> None:
    assert round(100 * 3 / 105, 1) == 2.9 and round(100 * 62 / 1_100, 1) == 5.6
    assert 1 / 0.5**2 == 4
    says("statistics/likelihood-and-map", "(5 + 100) = 2.9%", "(1,000 + 100) = 5.6%", "the ridge strength is 4")


def test_censored_churn_rate() -> None:
    months = 2 + 3 + 3 + 4 + 16 * 12
    assert months == 204 and round(100 * 4 / months, 1) == 2.0 and months / 4 == 51
    assert (2 + 3 + 3 + 4) / 4 == 3 and 51 / 3 == 17
    says("statistics/likelihood-and-map", "= 204 user-months", "2.0% per month, a mean lifetime of 51 months", "factor of 17")
