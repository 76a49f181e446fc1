"""Sentences of two guides: about the same thing or not, for or against each other."""

from itertools import permutations

import pytest

from rag.agree import agree, alike, subject
from rag.units import units


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("Retrain the model every 7 days.", "The model is retrained every 7 days.", True),
        ("Retrain the model every 7 days.", "Retrain the model every 30 days.", False),
        ("Retrain the model every seven days.", "Retrain the model every 7 days.", True),
        ("Scale the features before training.", "Do not scale the features before training.", False),
        ("A larger batch raises the noise.", "A larger batch lowers the noise.", False),
        ("With 100 rows the error of the model is 0.1.", "With 400 rows the error of the model is 0.05.", None),
        ("The error of the model is 3 / 4 = 75%.", "The error of the model is 16 / 20 = 80%.", None),
    ],
)
def test_two_guides_agree_disagree_or_speak_of_other_cases(one: str, other: str, verdict: bool | None) -> None:
    for said, against in permutations((one, other)):
        assert agree(said, against) is verdict


def test_a_number_that_the_other_guide_leaves_out_is_not_cited_to_it() -> None:
    one, other = "Retrain the model every 7 days.", "Retrain the model at fixed times, every few days."
    assert agree(one, other) is None
    assert agree(other, one) is True


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Dropout zeroes units at random.", "At random, dropout zeroes units.", True),
        ("Dropout zeroes units at random.", "Batch norm rescales units.", False),
        ("Use it.", "Use it.", False),
    ],
)
def test_only_sentences_that_share_most_of_their_terms_are_held_against_each_other(one: str, other: str, same: bool) -> None:
    (said,), (given,) = units(one), units(other)
    assert alike(subject(said), subject(given)) is same
