"""The numbers worked out in the loops guides, recomputed."""

import math
import statistics

from tests.corpus.guides import says


def test_minutes_of_a_system_design_round() -> None:
    assert 5 + 3 + 8 + 4 + 8 + 5 + 6 + 6 == 45
    says(
        "loops/machine-learning-engineer",
        "5 minutes on clarifying, 3 on a baseline, 8 on data, 4 on metrics, 8 on the model, 5 on evaluation, 6 on serving",
    )
    says("systems/problem-framing", "**Data** (8 minutes)", "**Metric** (4 minutes)", "**Serving** (6 minutes)")


def test_hours_of_machine_learning_engineer_study() -> None:
    assert 12 + 10 + 12 + 4 + 4 + 6 == 48
    says(
        "loops/machine-learning-engineer",
        "about 12 to coding, 10 to fundamentals, 12 to design, 4 to statistics, 4 to stories and 6",
    )


def test_sample_size_in_the_data_scientist_screen() -> None:
    normal = statistics.NormalDist()
    both = (normal.inv_cdf(0.975) + normal.inv_cdf(0.8)) ** 2 * (0.10 * 0.90 + 0.12 * 0.88) / 0.02**2
    assert round(16 * 0.10 * 0.90 / 0.02**2) == 3_600 and round(both, -1) == 3_840
    says("loops/data-scientist", "`16 × 0.10 × 0.90 / 0.02²` = 3,600 users per arm", "it is about 3,840")


def test_minutes_of_a_research_talk() -> None:
    assert 5 + 5 + 15 + 12 + 5 + 3 == 45
    says(
        "loops/applied-scientist",
        "5 of prior work and the gap, 15 of the method, 12 of evidence, 5 of failures and limits, and 3",
    )


def test_input_cost_of_ten_thousand_answers() -> None:
    assert 10_000 * 3_000 / 1e6 * 2 == 60
    says("loops/ai-engineer", "× 2 dollars per million tokens is 60 dollars a day")


def test_margin_of_a_golden_set() -> None:
    assert round(100 * 1.96 * math.sqrt(0.8 * 0.2 / 200), 1) == 5.5
    says("loops/ai-engineer", "an accuracy of 80% carries a 95% margin of about 5.5 points")


def test_weekly_hours_of_a_career_switcher() -> None:
    week = 5 * 0.5 + 2
    assert 10 + 15 + 5 == 30 and week == 4.5 and week * 6 == 27 and (week * 8, week * 12) == (36, 54)
    says("loops/entry-level-and-career-switch", "is 4.5 hours a week, or 27 hours in six weeks", "36 to 54 hours")


def test_minutes_of_a_phone_screen() -> None:
    assert 5 + 30 + 5 + 5 == 45
    says(
        "loops/rounds-scoring-and-questions",
        "5 minutes of introductions, 30 of coding, SQL or a small case, 5 of concept questions, and 5 for",
    )


def test_positive_test_at_a_base_rate_of_one_per_cent() -> None:
    assert round(0.05 * 0.99, 4) == 0.0495 and round(100 * 0.009 / (0.009 + 0.0495)) == 15
    says("loops/data-scientist", "0.009 / (0.009 + 0.0495) = 15%")
