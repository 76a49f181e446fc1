"""Which pieces of a passage an answer is made of."""

import pytest

from rag.assistant import Assistant
from rag.kinds import lead_bonus
from rag.pieces import SPEECH, Pieces, chance, cut_up, points_elsewhere, signals_of, weighed
from rag.types import Passage, Source
from rag.units import units

QUESTION = "how do you detect train-serve skew?"


def pieces(text: str, heading: str = "A") -> Pieces:
    cut = units(text)
    source = Source("a.md", "A", "", 0, len(text), (heading,), 1)
    return Pieces(Passage("id", (0,), text, (source,)), cut, tuple(float(len(unit.text)) for unit in cut))


def test_a_piece_comes_with_what_it_leans_on_and_with_what_it_announces() -> None:
    item = pieces("First point. It leans on that. So does this. Second point.\n\nThere are three:\n\n- one\n- two\n- three")
    assert [sorted(item.bundle(place)) for place in range(6)] == [[0], [0, 1], [0, 1, 2], [3], [3, 4, 5], [3, 4, 5]]


def test_an_answer_never_opens_with_a_piece_that_leans() -> None:
    assert pieces("It leans. A long sentence that stands alone. Short.").opening == 1
    assert pieces("A sentence. A much longer sentence than that one.").opening == 0
    assert pieces("- only\n- a list").opening == 0


@pytest.mark.parametrize(
    ("text", "points"), [("See [the guide](x.md).", True), ("Skew has causes; [see](x.md).", True), ("See it.", False)]
)
def test_a_pointer_to_another_guide_is_not_quoted(text: str, points: bool) -> None:
    (unit,) = units(text)
    assert points_elsewhere(unit) is points


def test_a_piece_that_meets_the_question_is_worth_more_than_one_that_does_not(assistant: Assistant) -> None:
    found = cut_up(assistant.retrieve(QUESTION).retrievals[0], assistant.index)
    for item in weighed(found, 0):
        assert len(item.worth) == len(item.units) and all(0.0 < worth < 1.0 for worth in item.worth)
    near, far = (signals_of(found, leading)[0][0] for leading in (0, 1))
    assert chance(near) > chance(far), "leading counts"


@pytest.mark.parametrize(
    ("sentence", "spoken"),
    [("I froze the layers.", True), ("A type I error rejects a true one.", False), ("I(X; Y) is zero.", False)],
)
def test_the_first_person_is_told_from_an_error_of_type_one(sentence: str, spoken: bool) -> None:
    assert (SPEECH.search(sentence) is not None) == spoken


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("design a spam filter", "How would you design a content moderation system?"),
        ("how do I explain overfitting to a manager", "How do you explain overfitting in 60 seconds?"),
        ("write a naive Bayes classifier", "How do you implement naive Bayes from scratch?"),
    ],
)
def test_a_design_an_explanation_or_code_is_led_by_one_though_another_section_is_a_little_nearer(
    question: str, heading: str
) -> None:
    text = "A sentence of seven words, and one more."
    given, other = (lead_bonus(question, pieces(text, title)) for title in (heading, "What is a prediction?"))
    assert 0.1 < given - other < 0.2
    assert lead_bonus("anything", pieces(text + " " + text)) > lead_bonus("anything", pieces(text)), "and one that says more"
