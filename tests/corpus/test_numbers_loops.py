"""The numbers worked out in the loops guides, recomputed."""

from tests.corpus.guides import says


def test_minutes_of_a_system_design_round() -> None:
    assert 5 + 5 + 5 + 10 + 8 + 7 + 5 == 45
    says("loops/machine-learning-engineer", "5 on baseline and data, 10 on features and model, 8 on evaluation, 7 on serving")


def test_forty_hours_of_machine_learning_engineer_study() -> None:
    assert 14 + 10 + 10 + 4 + 2 == 40
    says("loops/machine-learning-engineer", "14 to coding, 10 to fundamentals, 10 to design, 4 to stories and 2 to reading")
