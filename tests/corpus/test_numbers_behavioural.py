"""The numbers worked out in the behavioural guides, recomputed."""

import re

from tests.corpus.guides import guides, says


def words_in_answer(slug: str, first: str, last: str) -> int:
    """How many words the model answer has that begins and ends with these phrases."""
    body = next(guide.body for guide in guides() if guide.slug == slug)
    found = re.search(re.escape(first) + ".*?" + re.escape(last), body, re.S)
    assert found
    return len(found.group().split())


def test_seconds_and_words_of_a_star_answer() -> None:
    assert 20 + 10 + 60 + 15 + 15 == 120
    assert 120 / 60 * 140 == 280
    says("behavioural/star-stories", "make 120 seconds, or about 280 words at a calm 140 words a minute")


def test_churn_story_adds_up() -> None:
    assert round(0.90 - 0.83, 2) == 0.07
    says("behavioural/star-stories", "our churn model look 7 points better", "that 0.90 was not real", "The honest AUC was 0.83")


def test_churn_effect_and_interval_agree() -> None:
    fall = round(4.0 - 3.7, 1)
    assert fall == round((0.1 + 0.5) / 2, 1)
    says("behavioural/star-stories", "from 4.0 % to 3.7 % a month, a fall with a 95 % interval of 0.1 to 0.5 points")


def test_hours_saved_on_reports() -> None:
    assert 40 * 9 / 60 == 6
    says("behavioural/star-stories", "About 6 hours a week saved: 40 reports at roughly 9 minutes each")


def test_seconds_of_a_project_walk_through() -> None:
    assert 10 + 20 + 20 + 35 + 20 + 15 == 120
    says("behavioural/project-walkthrough", "The six parts add up to 120 seconds, about 280 words")


def test_length_of_the_model_walk_through() -> None:
    slug = "behavioural/project-walkthrough"
    assert round(words_in_answer(slug, '"I built the system', 'week one."'), -1) == 190
    says(slug, "in about 190 words")


def test_invoice_checks_fell_by_forty_percent() -> None:
    assert round(1 - 18 / 30, 2) == 0.40
    says("behavioural/project-walkthrough", "cut checks from 30 % to 18 %", "checks fell by 40 %")


def test_relative_lift_from_two_bases() -> None:
    assert round(1.3 / 1 - 1, 2) == round(52 / 40 - 1, 2) == 0.30
    says("behavioural/project-walkthrough", '"up 30 %" from 1 % to 1.3 % is another story than from 40 % to 52 %')


def test_customers_called_in_counts() -> None:
    assert 200 - 60 == 140
    says("behavioural/explaining-and-admitting-gaps", "Of 200 it names, about 60 would leave", "140 calls reach people")


def test_fraud_alarms_in_counts_and_costs() -> None:
    assert 80 / 120 == 2 / 3
    assert (120 - 80, 250 - 90) == (40, 160)
    assert ((90 - 80) * 200, (160 - 40) * 10) == (2000, 1200)
    assert (250 - 120, 2000 - 1200) == (130, 800)
    says(
        "behavioural/explaining-and-admitting-gaps",
        "160 honest customers are stopped instead of 40",
        "Ten more frauds caught save 2,000; 120 more stopped customers cost 1,200",
        "reading the 130 extra alarms costs less than the 800 that remain",
    )


def test_share_of_widget_purchases_that_is_incremental() -> None:
    assert round((20.5 - 20.0) / 6, 4) == round(1 / 12, 4)
    says("behavioural/product-questions", "about one twelfth of those widget buyers is incremental")


def test_mix_share_of_the_conversion_drop() -> None:
    mix = -0.10 * 0.12 + 0.15 * 0.04 - 0.05 * 0.055
    rate = -0.01 * 0.375
    assert round(mix / (mix + rate), 2) == 0.70
    says("behavioural/product-questions", "About 70 % of the fall is mix")


def test_hours_that_ticket_routing_costs_and_saves() -> None:
    assert round(5000 / 60) == 83
    saved = 5000 * (0.85 - 0.60) / 60
    assert (round(saved), round(saved / 8, 1)) == (21, 2.6)
    assert round(200 * (0.85 - 0.60)) == 50
    says(
        "behavioural/product-questions",
        "cost 83 hours a day",
        "saves 21 more hours a day, about 2.6 full-time people",
        "the same model saves 50 minutes",
    )


def test_value_of_a_churn_campaign() -> None:
    values = [round(1000 * (precision * 0.20 * 100 - 2)) for precision in (0.30, 0.20)]
    assert values == [4000, 2000]
    says("behavioural/product-questions", "the value is 4,000 euros; at precision 20 % it is 2,000")
