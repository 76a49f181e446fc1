"""The numbers worked out in the coding guides, recomputed."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, e, exp, log, log2, prod, sqrt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.corpus.guides import says

METRICS = "coding/classification-metrics"
AUC = "coding/roc-auc-from-scratch"
CLUSTERS = "coding/k-means-and-knn"
REGRESSION = "coding/regression-from-scratch"
ATTENTION = "coding/softmax-and-attention"
BM25 = "coding/bm25-from-scratch"
SPLITS = "coding/splits-windows-and-negatives"
STREAMS = "coding/streaming-and-top-k"
EVENTS = "coding/event-log-sql"


def test_threshold_search_cost() -> None:
    assert 100_000**2 == 10_000_000_000 and round(100_000 * log2(100_000) / 1e6, 1) == 1.7
    says(METRICS, "10 billion comparisons against roughly 1.7 million for the sort")


def test_rank_sum_of_the_seven_row_example() -> None:
    ranks = 7 + 5 + 4
    assert ranks - 3 * 4 // 2 == 10 and round(10 / 12, 3) == 0.833
    says(AUC, "ranks 7, 5 and 4, the sum is 16, minus 6 is 10, and 10 / 12 = 0.833")


def test_pair_counts_of_auc() -> None:
    assert 1_000 * 999_000 == 999_000_000 and 100_000**2 == 10**10 > np.iinfo(np.int32).max
    says(AUC, "999 million comparisons", "is 10¹⁰, which overflows 32-bit integers")


def test_memory_of_distance_arrays() -> None:
    assert 10_000 * 10_000 * 100 * 8 / 1e9 == 80 and 10_000 * 10_000 * 8 / 1e9 == 0.8
    says(CLUSTERS, "10,000 × 10,000 × 100 floats are 80 GB", "float64 takes 0.8 GB")


def test_cancellation_of_expanded_distances() -> None:
    near = np.random.default_rng(0).normal(size=(200, 2))
    far = near + 1e8
    exact = ((far[:, None] - far[None]) ** 2).sum(-1)
    expanded = (far**2).sum(1)[:, None] + (far**2).sum(1) - 2 * far @ far.T
    assert np.abs(expanded - exact).max() > 1
    says(CLUSTERS, "at values near 1e8 the float64 error exceeds 1")


def test_first_logistic_step_and_odds_ratio() -> None:
    gradient = (0.5 - 1) * 2
    assert gradient == -1 and -0.1 * gradient == 0.1 and round(exp(0.7), 2) == 2.01
    says(REGRESSION, "(0.5 − 1) × 2 = −1, so the weight becomes 0.1", "e^0.7 = 2.01")


def test_decision_stump_cost() -> None:
    assert 20 * 10_000**2 == 2_000_000_000 and round(20 * 10_000 * log2(10_000) / 1e6, 1) == 2.7
    says(REGRESSION, "2 billion operations instead of about 2.7 million for the sorts")


def test_softmax_gradient_of_one_row() -> None:
    p = np.exp([2.0, 0, 0]) / np.exp([2.0, 0, 0]).sum()
    assert p.round(3).tolist() == [0.787, 0.107, 0.107] and round(float(p[0]) - 1, 3) == -0.213
    assert round(log(10), 3) == 2.303 and round(-log(float(p[0])), 4) == 0.2395 and round(log(3), 4) == 1.0986
    says(
        ATTENTION,
        "0.2395 for the first row and ln 3 = 1.0986",
        "(0.787, 0.107, 0.107)",
        "(−0.213, 0.107, 0.107)",
        "a loss of about 2.303",
    )


def test_overflow_limits_of_exp() -> None:
    assert log(float(np.finfo(np.float32).max)) < 89 and round(log(float(np.finfo(np.float16).max)), 1) == 11.1
    says(ATTENTION, "In float32 `exp(89)` overflows", "near `exp(11.1)`")


def test_attention_parameters_and_memory() -> None:
    assert round(4 * 768**2 / 1e6, 2) == 2.36 and round(12 * 4_096**2 * 2 / 1e6) == 403
    says(ATTENTION, "2.36 million for D = 768", "12 × 4,096² × 2 bytes, about 403 MB")


def test_attention_scale() -> None:
    rng = np.random.default_rng(0)
    scores = (rng.normal(size=(20_000, 64)) * rng.normal(size=(20_000, 64))).sum(axis=1)
    assert sqrt(64) == 8 and float(scores.std()) == pytest.approx(8, rel=0.03)
    says(ATTENTION, "With d = 64 the raw scores have standard deviation 8")


def test_rows_per_user_day() -> None:
    assert 1_000_000_000 / 20 == 50_000_000
    says(EVENTS, "at 20 events per user-day, 1 billion events shrink to 50 million rows")


def test_window_counter_example() -> None:
    events = [0, 0, 30, 59, 61]
    assert [sum(now - 60 < event <= now for event in events) for now in (59, 61, 200)] == [4, 3, 0]
    says(STREAMS, "4 3 0")


def test_bm25_idf_saturation_and_length() -> None:
    assert round(log(1 + 990.5 / 10.5), 2) == 4.56 and round(log(1 + 500.5 / 500.5), 2) == 0.69
    assert [round(count * 2.2 / (count + 1.2), 2) for count in (1, 2, 5, 100)] == [1.0, 1.38, 1.77, 2.17]
    assert round(2.2 / (1 + 1.2 * (0.25 + 0.75 * 2)), 2) == 0.71
    says(BM25, "= 4.56", "weighs 0.69", "1.00, 1.38, 1.77 and 2.17", "counts 0.71 instead of 1.00")


def test_postings_touched_by_a_query() -> None:
    assert 5_000 + 20_000 + 100 == 25_100
    says(BM25, "25,100 postings")


def test_days_dropped_by_the_label_gap() -> None:
    cutoff = date(2026, 4, 1)
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(120)]
    dropped = [day for day in days if day < cutoff < day + timedelta(days=30)]
    assert len(dropped) == 29 and 30 + 2 == 32
    says(SPLITS, "The 29 dropped days", "drop the last 32 days")


def test_spread_of_a_hash_split() -> None:
    assert 1_000 * 0.2 == 200 and round(2 * sqrt(1_000 * 0.2 * 0.8)) == 25
    says(SPLITS, "expect 200 test users give or take 25")


def test_window_feature_cost_and_rejections() -> None:
    assert 10_000 * 1_000**2 == 10**10 and round(10_000 * 1_000 * log2(1_000) / 1e6) == 100
    assert round(1 / (1 - 0.01), 2) == 1.01
    says(SPLITS, "10 billion comparisons against about 100 million", "expected number of draws is 1.01")


def test_reservoir_survival() -> None:
    assert Fraction(1, 2) * Fraction(2, 3) * Fraction(3, 4) == Fraction(1, 4)
    k, i, n = 3, 7, 20
    assert Fraction(k, i) * prod((Fraction(t - 1, t) for t in range(i + 1, n + 1)), start=Fraction(1)) == Fraction(k, n)
    says(STREAMS, "survives with 2/3 × 3/4 = 1/2, which gives 1/4", "(k / i) × (i / (i + 1)) × … × ((n − 1) / n)")


def test_heap_pushes_on_a_random_stream() -> None:
    assert round(100 * log(10_000_000 / 100)) == 1_151
    assert sum(100 / i for i in range(101, 1_000_001)) == pytest.approx(100 * log(10_000), rel=0.01)
    says(STREAMS, "k ln(n / k) = 1,151 items")


def test_sample_variance_for_welford() -> None:
    assert np.var([4, 7, 13, 16], ddof=1) == 30
    says(STREAMS, "The true sample variance is 30")


def test_bloom_filter_size() -> None:
    bits = -log(0.01) / log(2) ** 2
    assert round(bits, 1) == 9.6 and ceil(bits * log(2)) == 7
    assert (1 - exp(-7 / 9.6)) ** 7 < 0.0101
    says(STREAMS, "1 % false positives at 9.6 bits per ID with 7 hash functions")


def test_minhash_error_and_bands() -> None:
    assert round(0.5 / sqrt(128), 3) == 0.044
    assert 1 - (1 - 0.8**4) ** 32 > 0.9999 and round(1 - (1 - 0.2**4) ** 32, 2) == 0.05
    says(STREAMS, "at most 0.044", "32 bands of 4 rows", "in about 5 % of cases")


def test_count_min_and_hyperloglog_bounds() -> None:
    assert round(100 * e / 2_000, 2) == 0.14 and exp(-5) < 0.01
    assert round(1.04 / sqrt(2_048), 2) == 0.02 and 2_048 * 6 / 8 == 1_536
    says(STREAMS, "more than about 0.14 % of n with probability below 1 %", "1.5 kB gives roughly 2 % error")


def test_hyperloglog_error_and_memory() -> None:
    registers = 2**14
    assert registers == 16_384 and round(100 * 1.04 / sqrt(registers), 2) == 0.81
    assert registers * 6 / 8 / 1024 == 12 and abs(100_841 / 100_000 - 1) < 2 * 0.0081
    says(STREAMS, "about 1.04/√m: 0.81 % at m = 16,384, in 12 kB of 6-bit registers")


def test_average_dau_with_and_without_empty_days() -> None:
    assert (2 + 2 + 3 + 0 + 0) / 5 == 1.4 and round((2 + 2 + 3) / 3, 2) == 2.33
    assert 0.25 * 30 == 7.5
    says(EVENTS, "1.4 with the zero days and a wrong 2.33", "about 7.5 of 30 days")


def test_event_before_midnight_changes_day_in_paris() -> None:
    event = datetime(2026, 3, 1, 23, 30, tzinfo=ZoneInfo("UTC"))
    assert event.astimezone(ZoneInfo("Europe/Paris")).date() == date(2026, 3, 2)
    says(EVENTS, "23:30 UTC belongs to 2 March in Paris")
