"""Words, stems and mended spelling."""

import pytest

from rag.embed import OnnxEncoder
from rag.spelling import Speller
from rag.words import INTENT_SHARE, STOP_WORDS, stem, terms, weight, word_at, words


@pytest.mark.parametrize(("one", "other"), [("models", "model"), ("regularised", "regularise"), ("overfitting", "overfit")])
def test_forms_of_a_word_meet_in_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("regularisation", "regularization"),
        ("optimiser", "optimizer"),
        ("analysed", "analyzed"),
        ("neighbours", "neighbors"),
        ("behavioural", "behavioral"),
        ("centre", "center"),
    ],
)
def test_both_spellings_of_a_word_meet_in_one_stem(here: str, there: str) -> None:
    assert stem(here) == stem(there)


def test_different_words_keep_different_stems() -> None:
    assert len({stem(word) for word in ("recall", "skew", "drift", "dropout")}) == 4


def test_curly_and_straight_apostrophes_are_one_word_and_a_stop_word_either_way() -> None:
    assert words("Don’t") == words("don't") == ["don't"]
    assert terms("Don’t") == []


def test_punctuation_and_underscores_separate_words() -> None:
    assert words("train/serve-skew, roc_auc (PR-AUC)!") == ["train", "serve", "skew", "roc", "auc", "pr", "auc"]


def test_a_question_made_of_stop_words_has_no_terms() -> None:
    assert terms("What is it, and how do you do this?") == []


def test_words_of_intent_weigh_less_than_words_of_subject() -> None:
    assert weight("debug") == INTENT_SHARE < weight("skew") == 1.0


def test_no_intent_word_hides_among_the_stop_words() -> None:
    assert all(weight(word) == 1.0 for word in STOP_WORDS)


@pytest.mark.parametrize(("position", "expected"), [(0, "fix"), (2, "fix"), (3, ""), (4, "skew"), (8, ""), (99, "")])
def test_word_at_names_the_word_that_covers_the_position(position: int, expected: str) -> None:
    assert word_at("Fix Skew?", position) == expected


FREQUENCY = {"train": 9, "serve": 5, "skew": 6, "overfitting": 4, "precision": 8, "decision": 2, "drift": 3, "draft": 7}


@pytest.fixture(scope="module")
def speller(encoder: OnnxEncoder) -> Speller:
    return Speller(FREQUENCY, {}, encoder.knows)


@pytest.mark.parametrize(
    ("asked", "mended"),
    [
        ("trayn-serv skew", "train-serve skew"),
        ("what is overfiting?", "what is overfitting?"),
        ("precison", "precision"),
        ("precsiion", "precision"),
    ],
)
def test_misspelt_subjects_are_mended_where_they_stand(speller: Speller, asked: str, mended: str) -> None:
    assert speller.mend(asked) == mended


def test_a_slip_that_stands_in_known_questions_is_mended_and_a_rare_word_of_theirs_is_not() -> None:
    written = {"overfitting": 90, "packing": 2, "gaps": 90, "multilayer": 90}
    asked = {"overfiting": 9, "panicking": 1, "gans": 2, "multilabel": 2}
    rare = "panicking gans multilabel"
    assert Speller(written, asked, lambda word: False).mend(f"overfiting {rare}") == f"overfitting {rare}"


@pytest.mark.parametrize("word", ["precision", "Precision", "SKEW"])
def test_words_the_guides_use_are_never_changed(speller: Speller, word: str) -> None:
    assert speller.mend(word) == word


def test_a_word_the_model_knows_is_left_alone_though_a_guide_word_is_one_slip_away(speller: Speller) -> None:
    assert "trains" not in FREQUENCY
    assert speller.mend("trains") == "trains"


@pytest.mark.parametrize("text", ["x2tran", "roc_auc", "skw", "f1", "`df.isna()`", "qwertyuiop", "don't"])
def test_code_short_words_and_words_like_nothing_are_left_alone(speller: Speller, text: str) -> None:
    assert speller.mend(text) == text


def test_of_two_equally_near_words_the_commoner_is_taken() -> None:
    frequency = {"drift": 3, "draft": 7}
    assert Speller(frequency, {}, lambda word: False).mend("drxft") == "draft"
    assert Speller({"drift": 8, "draft": 7}, {}, lambda word: False).mend("drxft") == "drift"


def test_equally_near_and_equally_common_words_do_not_depend_on_dictionary_order() -> None:
    one = Speller({"drift": 3, "draft": 3}, {}, lambda word: False)
    other = Speller({"draft": 3, "drift": 3}, {}, lambda word: False)
    assert one.mend("drxft") == other.mend("drxft")


def test_a_nearer_word_beats_a_commoner_one() -> None:
    assert Speller({"overfits": 50, "overfitted": 1}, {}, lambda word: False).mend("overfited") == "overfitted"
