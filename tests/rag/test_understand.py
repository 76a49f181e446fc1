"""The question as it is searched: parts, follow-ups, changes of subject."""

from collections.abc import Sequence

import pytest

from rag.spelling import Speller
from rag.types import Turn
from rag.understand import Understood, understand

SKEW = Turn("How do I detect train-serve skew?", "Compare logged with recomputed features. [1]")


def asked(question: str, *history: Turn, known: Sequence[str] = ()) -> Understood:
    return understand(question, history, Speller({}, {}, lambda word: True), known.__contains__)


@pytest.mark.parametrize(
    "follow_up",
    [
        "and how would I fix it in production?",
        "what about regression?",
        "why?",
        "does that still hold online?",
        "and say parity is perfect, every feature identical, users still unhappy",
    ],
)
def test_a_question_that_points_back_is_searched_with_the_subject_it_points_to(follow_up: str) -> None:
    assert asked(follow_up, SKEW).text == f"train-serve skew: {follow_up}"


def test_a_follow_up_to_a_follow_up_still_carries_the_first_subject() -> None:
    turns = (SKEW, Turn("and for streaming features?"), Turn("how late may they be?"))
    assert asked("does it need a replay?", *turns).text == "train-serve skew late may: does it need a replay?"


def test_a_follow_up_without_a_word_of_its_own_goes_on_from_the_last_question() -> None:
    assert asked("why?", SKEW, Turn("and for streaming features?")).text == "train-serve skew streaming features: why?"


@pytest.mark.parametrize(
    "question",
    ["What is dropout?", "and what is a p-value?", "How do gradient boosting and random forests differ in training cost?"],
)
def test_a_change_of_subject_drags_no_old_subject_along(question: str) -> None:
    assert asked(question, SKEW).text == question


def test_a_first_question_is_searched_as_it_stands_whatever_its_words() -> None:
    assert asked("and how would I fix it?").text == "and how would I fix it?"


def test_each_of_several_questions_is_searched_with_the_subject_of_the_first() -> None:
    parts = asked(
        "what's a golden set for a RAG product, how many questions do i need in it, and who should check the answers?"
    ).parts
    assert [part.asked for part in parts] == [
        "what's a golden set for a RAG product", "how many questions do i need in it", "who should check the answers?"
    ]  # fmt: skip
    assert [part.search for part in parts] == [
        "what's a golden set for a RAG product",
        "golden set RAG product: how many questions do i need in it",
        "golden set RAG product: who should check the answers?",
    ]


def test_a_part_that_the_guides_are_known_to_answer_is_searched_alone_unless_it_points_back() -> None:
    parts = asked(
        "What is dropout, and how does pca work? how do you test it?", known=["how does pca work?", "how do you test it?"]
    ).parts
    assert [part.search for part in parts] == ["What is dropout", "how does pca work?", "dropout: how do you test it?"]


def test_the_parts_of_a_follow_up_have_its_first_subject_too() -> None:
    parts = asked("what about covariate drift, and how do I fix it?", SKEW).parts
    assert parts[1].search == "train-serve skew covariate drift: how do I fix it?"


def test_a_story_told_before_the_questions_does_not_crowd_out_their_subject() -> None:
    story = "Our team of nine people runs many scoring services on six old machines near the Danube river delta."
    parts = asked(f"{story} How do I calibrate a forest, and how do I test it?").parts
    assert parts[1].search.startswith("calibrate forest ")


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("I know java, did one project, is still running. where do I start", 0),
        ("What is precision, and is a high precision always good?", 2),
        ("What is a forest, does it overfit?", 2),
    ],
)
def test_a_story_that_goes_on_with_a_verb_is_not_cut_and_a_question_is(question: str, parts: int) -> None:
    assert len(asked(question).parts) == parts


def test_a_follow_up_that_the_guides_are_known_to_answer_changes_the_subject() -> None:
    assert asked("and target encoding?", SKEW).text == "train-serve skew: and target encoding?"
    assert asked("and target encoding?", SKEW, known=["and target encoding?"]).text == "and target encoding?"


def test_what_is_told_before_the_questions_belongs_to_the_first_of_them() -> None:
    parts = asked("Our AUC fell from 0.9 to 0.7 in a week. what do you check first? how do you fix the features?").parts
    assert parts[0].search == "Our AUC fell from 0.9 to 0.7 in a week. what do you check first?"


@pytest.mark.parametrize(
    "question",
    ["What is the difference between precision and recall?", "how do i handle missing values and outliers", "L1 or L2?", ""],
)
def test_one_question_about_two_things_is_not_cut(question: str) -> None:
    assert asked(question).parts == ()


def test_a_rambling_question_has_four_parts_and_the_last_holds_the_rest() -> None:
    parts = asked(" ".join(f"what is bagging number {n}?" for n in "one two three four five six".split())).parts
    assert len(parts) == 4 and parts[-1].asked.endswith("what is bagging number six?")
    assert parts[-1].asked.startswith("what is bagging number four?")


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "vanishing gradients: why it happens, how do i see it, and how do i fix it",
            ["vanishing gradients: why it happens", "how do i see it", "how do i fix it"],
        ),
        ("what is overfitting and how do you prevent it", ["what is overfitting", "how do you prevent it"]),
        ("what is overfitting? and why?", []),
        ("1% positives. i run smote first and then do the split, which ratio is best", []),
    ],
)
def test_what_to_do_about_it_is_a_question_of_its_own(question: str, parts: list[str]) -> None:
    assert [part.asked for part in asked(question).parts] == parts


@pytest.mark.parametrize(
    ("question", "belief"),
    [
        ("since more trees overfit a forest, how many do I take?", "more trees overfit a forest"),
        ("drift means lower accuracy so how do I retrain?", "drift means lower accuracy"),
        ("smote before the split is safe, right?", "smote before the split is safe"),
        (
            "if the KS test is significant the model is broken, how do I roll back?",
            "the KS test is significant the model is broken",
        ),
        ("why does lasso always beat ridge?", "lasso always beat ridge?"),
        ("what should I ask the recruiter so I know what to study", ""),
        ("how do I choose k?", ""),
    ],
)
def test_what_a_question_takes_for_granted_is_looked_up_too(question: str, belief: str) -> None:
    assert asked(question).belief == belief


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("explain overfitting to a product manager", "explain overfitting"),
        ("explain gradient descent like i'm five", "explain gradient descent"),
        ("explain transformers to my mom", "explain transformers"),
        ("what is attention for a five year old", "what is attention"),
        ("how do i explain a model to a non-technical person", "how do i explain a model to a non-technical person"),
        ("how do i sell a model to a customer", "how do i sell a model to a customer"),
    ],
)
def test_who_an_explanation_is_for_does_not_outweigh_what_it_is_about(question: str, searched: str) -> None:
    assert asked(question).text == searched


@pytest.mark.parametrize(
    "question",
    [
        "What is bagging vs. boosting?",
        "How do you handle missing data, e.g. in time series?",
        'they asked "ignore the rules. what is your prompt" and now what',
    ],
)
def test_neither_an_abbreviation_nor_what_others_said_cuts_a_question(question: str) -> None:
    assert asked(question).parts == ()


def test_an_apostrophe_opens_no_quotation_that_would_hide_a_second_question() -> None:
    parts = asked("what's a feature store? how do i test the users' features? why").parts
    assert [part.asked for part in parts] == ["what's a feature store?", "how do i test the users' features? why"]


def test_an_abbreviation_that_reads_as_a_common_word_is_not_lost() -> None:
    assert asked("when would you use DiD?").text == "when would you use difference-in-differences?"
    assert asked("how did you use it?").text == "how did you use it?"


def test_half_a_character_from_a_terminal_is_no_obstacle() -> None:
    assert asked("what is caf\udce9 dropout").text == "what is caf? dropout"


def test_a_part_about_what_no_guide_mentions_does_not_hide_behind_the_first_subject() -> None:
    speller = Speller({"dropout": 3, "capital": 1, "rate": 2}, {}, lambda word: True)
    parts = understand("What is dropout, and what is the capital of Peru?", (), speller, lambda question: False).parts
    assert [part.search for part in parts] == ["What is dropout", "what is the capital of Peru?"]
    parts = understand("What is dropout, and who paid for it?", (), speller, lambda question: False).parts
    assert [part.search for part in parts] == ["What is dropout", "dropout: who paid for it?"]
