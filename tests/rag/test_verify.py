"""How well evidence supports a sentence: what lifts it and what lowers it."""

from itertools import pairwise

import pytest

from rag.embed import OnnxEncoder
from rag.index import Index
from rag.verify import SUPPORTED, WINDOW_WORDS, Checker, negates, new_numbers, number_sense, numbers, opposes, pieces, windows
from rag.words import terms

EVIDENCE = (
    "Train-serve skew is a mismatch between the features at training and at serving. "
    "Dropout switches off 20% of the units during training. "
    "Batch normalisation keeps running averages of the mean and the variance."
)
FILLER = " ".join(f"Sentence number {n} is about teapots and clay in the garden of an old house." for n in range(60))
TRUE = "During training, dropout switches off 20% of the units."


@pytest.fixture(scope="module")
def checker(encoder: OnnxEncoder, index: Index) -> Checker:
    return Checker(encoder, index)


@pytest.mark.parametrize(
    "said", ["Dropout switches off 20% of the units during training.", "dropout switches off *20%* of\nthe units during training"]
)
def test_what_stands_in_the_evidence_word_for_word_is_certain(checker: Checker, said: str) -> None:
    assert checker.strength(EVIDENCE, said) == 1.0


def test_the_same_in_other_words_is_supported_and_another_subject_is_not(checker: Checker) -> None:
    assert checker.supports(EVIDENCE, TRUE)
    assert not checker.supports(EVIDENCE, "Bananas are rich in potassium.")


@pytest.mark.parametrize("number", ["70%", "2%", "0.2%", "twenty-five"])
def test_a_number_that_the_evidence_lacks_costs_the_support(checker: Checker, number: str) -> None:
    assert checker.strength(EVIDENCE, TRUE.replace("20%", number)) < min(SUPPORTED, checker.strength(EVIDENCE, TRUE) - 0.3)


def test_a_denial_lowers_the_support(checker: Checker) -> None:
    assert checker.strength(EVIDENCE, TRUE.replace("switches", "never switches")) < checker.strength(EVIDENCE, TRUE)
    (signals,) = checker.signals(EVIDENCE, TRUE.replace("switches", "never switches"))
    assert signals.negated == 1


def test_support_is_found_wherever_it_stands_in_a_long_context(checker: Checker) -> None:
    alone = checker.strength(EVIDENCE, TRUE)
    assert not checker.supports(FILLER, TRUE)
    for context in (f"{EVIDENCE} {FILLER}", f"{FILLER} {EVIDENCE} {FILLER}", f"{FILLER} {EVIDENCE}"):
        assert checker.strength(context, TRUE) == pytest.approx(alone, abs=0.15)


def test_windows_are_a_section_long_overlap_and_leave_nothing_out(checker: Checker) -> None:
    sentences = checker.read(pieces(f"{FILLER} {EVIDENCE}"))
    cut = list(windows(sentences))
    assert {item.text for window in cut for item in window} == {item.text for item in sentences}
    for before, after in pairwise(cut):
        assert before[len(before) // 2] is after[0]
        assert WINDOW_WORDS <= sum(len(item.text.split()) for item in before) < WINDOW_WORDS + 30


@pytest.mark.parametrize(
    ("evidence", "sentence"), [("", TRUE), (EVIDENCE, ""), (EVIDENCE, "…"), (EVIDENCE, "It is."), ("!", "?")]
)
def test_nothing_to_compare_supports_nothing(checker: Checker, evidence: str, sentence: str) -> None:
    assert checker.strength(evidence, sentence) == 0.0


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert numbers("2,200 of 0.50, and twice three") == {"2200", ".50", "2", "3"}
    assert new_numbers("3 of 4", "three of five") == 0.5
    assert new_numbers("no number", "7") == 0.0


def test_a_number_counts_only_for_what_it_is_said_of() -> None:
    evidence = "Rank 8 trains 65536 weights. The batch holds 32 images."
    assert number_sense("Rank 8 trains 65536 weights", evidence) > number_sense("Rank 32 trains 8 images", evidence)


def test_denials_and_opposites_are_noticed_and_two_denials_cancel() -> None:
    assert negates("it doesn’t fail") is False
    assert negates("it is not") and not negates("it is")
    assert opposes(terms("raise the rate"), terms("reduce the rate"))
    assert not opposes(terms("raise or reduce the rate"), terms("reduce the rate"))
