"""The numbers worked out in the systems guides, recomputed."""

import math

from scipy import stats

from tests.corpus.guides import says

DAY = 86_400


def test_threshold_from_error_costs() -> None:
    assert math.isclose(10 / (10 + 90), 0.10)
    assert 10 / (0.20 * 200) == 0.25
    says("systems/problem-framing", "10 / (10 + 90) = 0.10", "above a churn probability of 0.25")


def test_request_rate_and_cost_of_ten_million_daily_users() -> None:
    requests = 10e6 * 20
    assert requests == 200e6
    assert round(requests / DAY) == 2315
    assert round(3 * requests / DAY, -2) == 6900
    assert requests * 0.01 == 2e6
    says(
        "systems/problem-framing", "200 million requests a day", "about 2,315 a second", "about 6,900", "2 million dollars a day"
    )


def test_time_budget_of_a_design_round() -> None:
    assert 5 + 3 + 8 + 4 + 8 + 5 + 6 + 3 + 3 == 45
    says("systems/problem-framing", "In a 45-minute round")


def test_batch_and_online_core_hours() -> None:
    assert round(50e6 * 0.005 / 3600, 1) == 69.4
    assert 2e6 / 50e6 == 0.04
    predictions = 2e6 * 6
    assert predictions == 12e6
    assert round(predictions * 0.005 / 3600, 1) == 16.7
    assert round(predictions / DAY) == 139
    peak = 3 * predictions / DAY
    assert round(peak) == 417
    assert round(peak * 0.005, 1) == 2.1
    assert math.ceil(peak * 0.005 / 0.5) == 5 and 5 * 24 == 120
    assert round(10e6 * 0.005 / 3600, 1) == 13.9
    says(
        "systems/batch-and-online-inference",
        "69.4 core-hours a night",
        "only 4 % of the scores",
        "16.7 core-hours a day",
        "417 a second keeps 2.1 cores busy",
        "5 cores, or 120 core-hours a day",
        "costs 13.9 core-hours",
    )


def test_replicas_from_littles_law() -> None:
    in_flight = 2000 * 0.05
    replicas = in_flight / (8 * 0.6)
    assert in_flight == 100 and round(replicas, 1) == 20.8 and math.ceil(replicas) == 21
    per_zone = math.ceil(21 / 2)
    assert 3 * per_zone == 33 and 2 * per_zone == 22
    says(
        "systems/batch-and-online-inference",
        "100 / (8 × 0.6) = 20.8, so 21 replicas",
        "21 replicas becomes 33, so that 22 remain",
    )


def test_canary_and_ab_sample_sizes() -> None:
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.80)
    canary = z**2 * (0.001 * 0.999 + 0.002 * 0.998) / 0.001**2
    assert round(canary, -2) == 23_500
    assert round(canary / (0.01 * 2000) / 60) == 20
    assert round(16 * 0.03 * 0.97 / 0.0003**2 / 1e6, 1) == 5.2
    says(
        "systems/rollout-and-retraining",
        "about 23,500 requests in each group",
        "in about 20 minutes",
        "about 5.2 million users per arm",
    )


def test_retraining_interval() -> None:
    def cost(days: float) -> float:
        return 2000 / days + 50 * days

    assert round(math.sqrt(2 * 2000 / 100), 1) == 6.3
    assert round(cost(7)) == 636 and cost(1) == 2050 and round(cost(30)) == 1567
    says("systems/rollout-and-retraining", "which is 6.3 days", "about 636 dollars a day", "2,050 dollars a day", "about 1,567")


def test_psi_terms_and_ks_gaps_of_the_two_histograms() -> None:
    expected, actual = [0.10, 0.20, 0.40, 0.20, 0.10], [0.05, 0.15, 0.35, 0.25, 0.20]
    terms = [(a - e) * math.log(a / e) for e, a in zip(expected, actual, strict=True)]
    assert [round(term, 4) for term in terms] == [0.0347, 0.0144, 0.0067, 0.0112, 0.0693]
    assert round(sum(terms), 3) == 0.136
    gaps = [abs(sum(actual[: i + 1]) - sum(expected[: i + 1])) for i in range(5)]
    assert [round(gap, 2) for gap in gaps] == [0.05, 0.10, 0.15, 0.10, 0.00]
    says(
        "systems/monitoring-and-drift",
        "the PSI is 0.136",
        "distance is 0.15",
        "| 1 | 0.10 | 0.05 | 0.0347 | 0.05 |",
        "| 2 | 0.20 | 0.15 | 0.0144 | 0.10 |",
        "| 3 | 0.40 | 0.35 | 0.0067 | 0.15 |",
        "| 4 | 0.20 | 0.25 | 0.0112 | 0.10 |",
        "| 5 | 0.10 | 0.20 | 0.0693 | 0.00 |",
    )


def test_ks_critical_values() -> None:
    coefficient = stats.kstwobign.ppf(0.95)
    assert round(coefficient, 2) == 1.36
    values = {n: coefficient * math.sqrt(2 / n) for n in (100, 1000, 1_000_000)}
    assert round(values[100], 3) == 0.192 and round(values[1000], 3) == 0.061 and round(values[1_000_000], 4) == 0.0019
    says("systems/monitoring-and-drift", "critical value is 0.192", "critical value is 0.061", "critical value is 0.0019")


def test_psi_expected_without_drift() -> None:
    assert 9 * 2 / 100 > 0.1 and math.isclose(9 * 2 / 1000, 0.018)
    says("systems/monitoring-and-drift", "about `(bins − 1) × 2 / n`")


def test_false_alarms_and_labelled_sample_margin() -> None:
    assert 200 * 0.01 == 2
    assert round(100 * 1.96 * math.sqrt(0.9 * 0.1 / 400)) == 3
    says("systems/monitoring-and-drift", "two false alarms a day", "a 95 % margin of about 3 points")


def test_label_shift_correction() -> None:
    odds = 0.20 / 0.80 * (0.02 / 0.98) / (0.01 / 0.99)
    assert round(odds, 3) == 0.505 and round(odds / (1 + odds), 3) == 0.336
    says("systems/monitoring-and-drift", "the odds become 0.505 and the probability 0.336")


def test_utilisation_and_littles_law() -> None:
    assert 200 * 0.05 == 10
    assert [round(10 / (1 - load)) for load in (0.5, 0.8, 0.9)] == [20, 50, 100]
    says("systems/latency-and-cost", "means 10 in flight", "20 ms at 50 % utilisation, 50 ms at 80 % and 100 ms at 90 %")


def test_latency_budgets_add_up() -> None:
    assert 15 + 20 + 15 + 30 + 10 + 10 == 100
    assert 10 + 10 + 25 + 10 + 15 + 20 + 10 == 100
    assert 15 + 20 + 20 + 50 + 10 + 35 == 150
    assert 40 + 60 + 20 + 100 + 20 + 60 == 300
    says("systems/latency-and-cost", "A 100 ms budget for a ranking service")
    says("systems/design-recommendations", "make 150 ms")
    says("systems/design-feed-ranking", "make 300 ms")


def test_fan_out_meets_a_slow_server() -> None:
    assert round(100 * (1 - 0.99**20), 1) == 18.2 and round(100 * (1 - 0.99**100), 1) == 63.4
    says("systems/latency-and-cost", "which is 18.2 %, and for 100 servers 63.4 %")
    says("systems/design-search-ranking", "18.2 % of queries")


def test_cache_batch_and_cascade() -> None:
    assert math.isclose(0.6 * 2 + 0.4 * 52, 22)
    assert round(1000 / 4.5) == 222 and round(16 / (4 + 16 * 0.5) * 1000) == 1333
    assert 1 + 0.1 * 20 == 3 and round(20 / 3, 1) == 6.7
    says(
        "systems/latency-and-cost",
        "`0.6 × 2 + 0.4 × 52 = 22 ms`",
        "takes 4.5 ms and serves 222 items a second",
        "takes 12 ms and serves 1,333 a second",
        "6.7 times cheaper",
    )


def test_weight_memory_and_cost_per_thousand() -> None:
    assert [7 * size for size in (4, 2, 1, 0.5)] == [28, 14, 7, 3.5]
    served = 400 * 0.6 * 3600
    assert served == 864_000 and round(2.50 / (served / 1000), 4) == 0.0029
    says("systems/latency-and-cost", "28 GB in 32-bit, 14 GB in 16-bit, 7 GB in 8-bit and 3.5 GB", "0.0029 dollars per thousand")


def test_recommendation_capacity() -> None:
    requests = 5e6 * 8
    assert requests == 40e6 and round(requests / DAY) == 463
    peak = 4 * requests / DAY
    assert round(peak) == 1852
    assert round(peak * 500, -3) == 926_000
    assert round(peak * 500 * 20e-6) == 19
    assert round(10e6 * 128 * 4 / 1e9, 1) == 5.1
    says(
        "systems/design-recommendations",
        "463 a second on average and 1,852 at a fourfold peak",
        "926,000 scores a second",
        "about 19 cores",
        "5.1 GB",
    )


def test_expected_value_of_three_listings() -> None:
    values = [0.10 * 0.02 * 50, 0.04 * 0.10 * 40, 0.06 * 0.05 * 20]
    assert [round(value, 2) for value in values] == [0.10, 0.16, 0.06]
    says("systems/design-recommendations", "| B | 0.04 | 0.10 | 40 | 0.16 |")


def test_clicks_divided_by_examination() -> None:
    assert [round(rate / seen, 2) for rate, seen in ((0.20, 1.0), (0.12, 0.5), (0.09, 0.33))] == [0.20, 0.24, 0.27]
    says("systems/design-search-ranking", "| 3 | 0.33 | 0.09 | 0.27 |")


def test_cross_encoder_arithmetic() -> None:
    weights = 6 * 12 * 384**2
    assert round(weights / 1e6, 1) == 10.6
    pair = 2 * weights * 128
    assert round(pair / 1e9, 1) == 2.7
    assert round(100 * pair / 1e9) == 272 and round(30 * pair / 1e9) == 82
    assert round(100 * pair / 30e12 * 1000) == 9 and round(30 * pair / 30e12 * 1000) == 3
    assert round(100 * pair / 0.5e12 * 1000, -1) == 540
    busy = 2000 * 100 * pair / 30e12
    assert round(busy) == 18 and round(busy / 0.6) == 30 and round(0.6 * busy / 0.6) == 18
    assert round(1000 * pair / 1e12, 1) == 2.7
    says(
        "systems/design-search-ranking",
        "about 10.6 million weights",
        "2.7 GFLOPs",
        "cost 272 GFLOPs: about 9 ms",
        "about 540 ms",
        "cost 82 GFLOPs, about 3 ms",
        "about 18 such GPUs fully busy, or 30 at 60 % load",
        "about 2.7 trillion operations a query",
    )


def test_search_memory_and_ranking_load() -> None:
    assert math.isclose(50e6 * 384 / 1e9, 19.2) and math.isclose(50e6 * 384 * 4 / 1e9, 76.8)
    assert math.isclose(2000 * 1000 * 10e-6, 20)
    says("systems/design-search-ranking", "is 19.2 GB", "take 76.8 GB", "about 20 cores are busy")


def test_fraud_traffic_and_review_capacity() -> None:
    payments = 50e6
    assert payments * 0.001 == 50_000
    cases = 200 * 60
    assert cases == 12_000 and math.isclose(cases / payments * 100, 0.024)
    assert cases * 0.4 == 4800 and math.isclose(4800 / 50_000 * 100, 9.6)
    assert round(payments / DAY) == 579 and round(3 * payments / DAY) == 1736
    assert round(3 * payments / DAY * 0.002, 1) == 3.5
    assert 200e6 * 200 / 1e9 == 40
    says(
        "systems/design-fraud-detection",
        "50,000 frauds",
        "12,000 cases, or 0.024 % of payments",
        "4,800 frauds, which is 9.6 %",
        "579 a second",
        "peak is 1,736",
        "3.5 cores",
        "40 GB",
    )


def test_fraud_thresholds_maturity_and_sampling() -> None:
    assert round(20 / 120, 3) == 0.167 and round(20 / 1020, 3) == 0.020
    assert math.isclose(650 / 0.65, 1000) and math.isclose(650 / 1e6 * 100, 0.065)
    assert round(0.5 / (0.5 + 0.5 / 0.01), 4) == 0.0099
    says(
        "systems/design-fraud-detection",
        "0.167 for a payment of 100 dollars and 0.020 for 1,000 dollars",
        "650 / 0.65 = 1,000",
        "means 0.0099",
    )


def test_auction_loss_from_miscalibration() -> None:
    value_a, value_b = 2 * 0.010, 0.50 * 0.030
    believed_b = 0.50 * 0.030 * 1.4
    assert math.isclose(0.030 * 1.4, 0.042) and math.isclose(believed_b, 0.021) and believed_b > value_a
    assert math.isclose(value_a - value_b, 0.005) and math.isclose((value_a - value_b) / value_a, 0.25)
    says(
        "systems/design-ads-click-prediction",
        "4.2 % and 0.021 dollars",
        "0.005 dollars, a quarter of the value",
        "5 dollars per thousand",
    )


def test_negative_downsampling() -> None:
    sampled = 0.01 / (0.01 + 0.99 * 0.1)
    assert round(100 * sampled, 1) == 9.2 and round(sampled / 0.01) == 9
    assert math.isclose(sampled / (sampled + (1 - sampled) / 0.1), 0.01)
    assert math.isclose(math.log(sampled / (1 - sampled)) + math.log(0.1), math.log(0.01 / 0.99))
    says(
        "systems/design-ads-click-prediction",
        "the sampled click rate is 9.2 %",
        "about nine times too high",
        "intercept shift of `ln(w)`",
    )


def test_ads_capacity() -> None:
    assert 10_000 * 200 == 2e6 and math.isclose(2e6 * 50e-6, 100)
    assert math.isclose(100e6 * 32 * 4 / 1e9, 12.8)
    assert 2e9 * 1e3 / 1e12 == 2
    says("systems/design-ads-click-prediction", "2 million scores a second", "100 cores are busy", "12.8 GB", "2 TB a day")


def test_impressions_for_a_click_rate() -> None:
    needed = 1.96**2 * 0.02 * 0.98 / 0.005**2
    assert round(needed, -2) == 3000
    assert 50_000 * 3000 == 150e6 and 50_000 * 100 == 5e6
    says("systems/design-cold-start", "about 3,000 impressions", "150 million impressions", "5 million impressions a day")
    says("systems/design-ads-click-prediction", "roughly 3,000 for a margin of half a point")


def test_feed_value_model() -> None:
    posts = [(0.20, 0.03, 0.005, 0.001), (0.10, 0.08, 0.030, 0.012), (0.25, 0.01, 0.010, 0.004)]
    scores = [like + 5 * comment + 10 * share - 50 * hide for like, comment, share, hide in posts]
    assert [round(score, 2) for score in scores] == [0.35, 0.20, 0.20]
    without_hide = [like + 5 * comment + 10 * share for like, comment, share, _ in posts]
    assert round(without_hide[1], 2) == 0.80 == round(max(without_hide), 2)
    says("systems/design-feed-ranking", "| 0.001 | 0.35 |", "| 0.012 | 0.20 |", "| 0.004 | 0.20 |", "would score 0.80")


def test_feed_capacity() -> None:
    average = 1e9 / DAY
    peak = 2.5 * average
    assert round(average) == 11_574 and round(peak) == 28_935
    assert round(peak * 500 / 1e6, 1) == 14.5
    busy = peak * 500 / 150_000
    assert math.ceil(busy) == 97 and round(busy / 0.6, -1) == 160
    assert 100e6 * 1000 * 8 / 1e9 == 800
    assert math.isclose(1 - 200 / 500, 0.6)
    says(
        "systems/design-feed-ranking",
        "11,574 a second",
        "28,935",
        "14.5 million scores a second",
        "97 GPUs are busy",
        "800 GB",
        "falls by 60 %",
    )


def test_wape_of_three_forecasts() -> None:
    actual, forecast = [0, 10, 2], [1, 8, 4]
    errors = [abs(a - f) for a, f in zip(actual, forecast, strict=True)]
    assert sum(errors) == 5 and sum(actual) == 12 and round(100 * 5 / 12, 1) == 41.7
    says("systems/design-forecasting", "sum to 5 on a total of 12, so WAPE is 41.7 %")


def test_newsvendor_and_lead_time_quantile() -> None:
    assert 6 / (6 + 2) == 0.75 and stats.poisson.ppf(0.75, 20) == 23
    assert round(140 + 1.645 * 4 * math.sqrt(14), 1) == 164.6
    assert round(14 * (10 + 1.645 * 4)) == 232
    says("systems/design-forecasting", "6 / (6 + 2) = 0.75", "the 0.75 quantile, 23 units", "× √14 = 164.6", "gives 232 units")


def test_forecast_volume() -> None:
    assert 2000 * 25_000 == 50e6
    values = 20e6 * 28 * 3
    assert values == 1.68e9
    assert round(values / 1e5 / 3600, 1) == 4.7 and round(values / 1e5 / 64 / 60, 1) == 4.4
    says("systems/design-forecasting", "1.68 billion values a night", "4.7 core-hours, or about 4.4 minutes on 64 cores")


def test_prevalence_sample_and_removal_precision() -> None:
    assert round(1.96**2 * 0.001 * 0.999 / 0.0002**2, -3) == 96_000
    interval = stats.binomtest(495, 500).proportion_ci(method="wilson")
    assert round(100 * interval.low, 1) == 97.7 and round(100 * interval.high, 1) == 99.6
    says("systems/design-content-moderation", "about 96,000 labelled views", "97.7 to 99.6 %")


def test_moderation_capacity_and_priorities() -> None:
    assert 300 * 350 == 105_000
    assert round(20e6 / DAY) == 231 and round(4 * 20e6 / DAY) == 926
    assert round(4 * 20e6 / DAY * 0.020, 1) == 18.5
    assert 20e6 * 0.0005 == 10_000 and math.isclose(0.05 * 20e6 * 0.0005, 500)
    assert [round(p * s * v) for p, s, v in ((0.95, 1, 200), (0.40, 9, 5000), (0.15, 3, 100_000))] == [190, 18_000, 45_000]
    says(
        "systems/design-content-moderation",
        "300 × 350 decisions are 105,000 a day",
        "231 a second",
        "peak is 926",
        "18.5 busy GPUs",
        "costs 10,000 dollars a day",
        "costs 500 dollars a day",
        "| 200 | 190 |",
        "| 5,000 | 18,000 |",
        "| 100,000 | 45,000 |",
    )


def test_triage_confusion_table() -> None:
    critical, healthy = 2000 * 0.02, 2000 * 0.98
    found, alarms = critical * 0.95, healthy * 0.10
    assert (round(found), round(alarms), round(found + alarms)) == (38, 196, 234)
    assert round(100 * found / (found + alarms), 1) == 16.2
    assert round(100 * 1764 / 1766, 2) == 99.89 and round(100 * 234 / 2000, 1) == 11.7
    assert round(2000 / 24) == 83
    says(
        "systems/design-medical-triage",
        "is 16.2 %",
        "| Flagged | 38 | 196 | 234 |",
        "1,764 / 1,766, or 99.89 %",
        "11.7 % of studies",
    )


def test_triage_utilisation_and_sensitivity_interval() -> None:
    assert round(100 * 2000 / 24 * 6.4 / 60 / 9, 1) == 98.8
    interval = stats.binomtest(190, 200).proportion_ci(method="wilson")
    assert round(100 * interval.low, 1) == 91.0 and round(100 * interval.high, 1) == 97.3
    needed = 1.96**2 * 0.95 * 0.05 / 0.02**2
    assert round(needed) == 456 and 456 / 0.02 == 22_800
    assert 6.4 / 9 < 1  # minutes that one overtaking study adds
    says("systems/design-medical-triage", "by under a minute (6.4 minutes shared by nine readers)")
    says("systems/design-medical-triage", "utilisation is 98.8 %", "91.0 to 97.3 %", "about 456 critical cases", "22,800 studies")


def test_cold_start_smoothing_and_hand_over() -> None:
    assert round(100 * (3 + 200 * 0.02) / (20 + 200), 1) == 3.2 and 3 / 20 == 0.15
    assert [round(n / (n + 10), 2) for n in (5, 10, 40)] == [0.33, 0.5, 0.8]
    assert round(200_000 * 5 / DAY) == 12
    says("systems/design-cold-start", "7 / 220 = 3.2 %", "a weight of 0.33, ten give 0.5 and forty give 0.8", "12 a second")


def test_eta_quantile_capacity_and_switchback_units() -> None:
    assert 4 / (4 + 1) == 0.8
    assert 2000 * 10 == 20_000 and math.isclose(20_000 * 0.0002, 4)
    assert 20 * 14 * 12 == 3360
    says(
        "systems/design-eta-and-pricing",
        "quote the 0.8 quantile",
        "20,000 predictions a second",
        "4 cores are busy",
        "give 3,360 units",
    )


def test_price_from_elasticity() -> None:
    assert 6 * 2.5 / (2.5 - 1) == 10
    says("systems/design-eta-and-pricing", "the price is 10 dollars")


def test_pairs_before_and_after_blocking() -> None:
    records = 10e6
    pairs = records * (records - 1) / 2
    assert round(pairs / 1e12) == 50 and round(pairs * 20e-6 / (365 * DAY)) == 32
    blocked = records * 49 / 2
    assert blocked == 245e6 and round(blocked * 20e-6 / 3600, 1) == 1.4
    assert math.isclose(0.95 * 0.90, 0.855)
    says(
        "systems/design-entity-resolution",
        "50 trillion pairs",
        "about 32 years",
        "245 million, or 1.4 core-hours",
        "finds 85.5 %",
    )


def test_minhash_curve() -> None:
    chances = {s: 1 - (1 - s**5) ** 20 for s in (0.8, 0.5, 0.3)}
    assert round(chances[0.8], 4) == 0.9996 and round(chances[0.5], 2) == 0.47 and round(chances[0.3], 3) == 0.047
    says("systems/design-entity-resolution", "probability 0.9996, a pair at 0.5 with 0.47, and a pair at 0.3 with 0.047")


def test_merge_threshold_and_cluster_pairs() -> None:
    assert round(50 / 51, 2) == 0.98 and 10 * 10 == 100 and 20 * 19 / 2 == 190
    says("systems/design-entity-resolution", "50 / 51 = 0.98", "creates 100 false pairs", "contribute 190 pairs")
