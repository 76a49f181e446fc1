"""Answers by parts, and answers that know what was said before."""

from pathlib import Path

import pytest

from ingest.sync import synchronise
from rag.assistant import Assistant
from rag.cite import NOT_ANSWERED
from rag.compose import BUDGETS, as_title, tasks_of
from rag.embed import OnnxEncoder
from rag.retrieve import Found
from rag.settings import Settings
from rag.types import Turn
from rag.understand import Part, Understood
from rag.words import flat
from tests.rag.answers import assert_sound, statements

SKEW = "What is train-serve skew?"


def test_a_part_that_the_guides_do_not_answer_is_refused_alone(assistant: Assistant) -> None:
    answer = assistant.ask(f"{SKEW} How do you cook a medium rare steak?")
    assert answer.status == "answered"
    first, second = answer.text.split("**How do you cook a medium rare steak?**\n\n")
    assert first.startswith(f"**{SKEW}**\n\n") and "skew" in first.lower() and NOT_ANSWERED not in first
    assert second == NOT_ANSWERED


def test_a_question_none_of_whose_parts_is_answered_is_refused_as_a_whole(assistant: Assistant) -> None:
    answer = assistant.ask("How do you cook a medium rare steak? Who won the 2018 football world cup?")
    assert (answer.status, answer.citations) == ("not_in_corpus", ())
    assert NOT_ANSWERED not in answer.text


def test_every_part_is_answered_under_its_own_title_and_nothing_twice(assistant: Assistant) -> None:
    answer = assistant.ask("what is LoRA, and how do you choose between ROC AUC and PR AUC?")
    titles = [line for line in answer.text.split("\n") if line.startswith("**") and line.endswith("**")]
    assert titles == ["**What is LoRA?**", "**How do you choose between ROC AUC and PR AUC?**"]
    said = [citation.quote for citation in answer.citations]
    assert len(said) == len(set(said))
    assert {"corpus/llm/lora-and-fine-tuning.md", "corpus/evaluation/roc-auc-and-pr-auc.md"} <= {
        citation.doc_id for citation in answer.citations
    }


def found(*parts: tuple[str, str]) -> Found:
    """Parts as (asked, searched); what was retrieved does not matter here."""
    return Found(Understood("", tuple(Part(*part) for part in parts)), tuple(map(str, range(len(parts)))), ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "enough", "tasks"),
    [
        ((("a", "a"), ("b", "a b")), (True, False), [(("a", "b"), True)]),
        ((("a", "a"), ("b", "a b")), (True, True), [(("a",), True), (("b",), True)]),
        ((("a", "a"), ("b", "b")), (True, False), [(("a",), True), (("b",), False)]),
        ((("a", "a"), ("b", "a b")), (False, False), [(("a", "b"), False)]),
        ((("a", "a"), ("b", "a b")), (False, True), [(("a",), False), (("b",), True)]),
        ((("a", "a"), ("b", "b"), ("c", "a c")), (True, False, False), [(("a", "c"), True), (("b",), False)]),
        ((("a", "old a"), ("b", "b")), (False, True), [(("a",), False), (("b",), True)]),
    ],
)
def test_a_part_asked_in_vain_goes_with_the_first_only_when_it_shares_its_subject(
    parts: tuple[tuple[str, str], ...], enough: tuple[bool, ...], tasks: list[tuple[tuple[str, ...], bool]]
) -> None:
    assert [(task.asked, task.answered) for task in tasks_of(found(*parts), enough)] == tasks


@pytest.mark.parametrize(
    ("part", "title"),
    [
        ("and how do i fix it?", "How do I fix it?"),
        ("also, compare L1 and L2.", "Compare L1 and L2"),
        ("But what is skew", "What is skew?"),
        ("Android: why", "Android: why?"),
        ("so", "So?"),
    ],
)
def test_a_part_stands_over_its_answer_as_a_title(part: str, title: str) -> None:
    assert as_title(part) == title


def test_the_parts_share_the_words_of_one_answer() -> None:
    one, two, four = (BUDGETS["standard"].shared(parts) for parts in (1, 2, 4))
    assert one == BUDGETS["standard"]
    assert one.words / 2 < two.words < one.words and four.words < two.words
    assert (two.supports, four.supports) == (2, 1)


def test_a_conversation_is_not_told_the_beginning_of_its_last_answer_again(assistant: Assistant) -> None:
    first = assistant.ask(SKEW)
    again = assistant.ask("what is train-serve skew, once more?", [Turn(SKEW, first.text)])
    opening = next(statements(first.text))[0]
    assert again.status == "answered" and flat(opening) not in flat(next(statements(again.text))[0])
    assert_sound(again)


def test_what_answers_two_parts_is_given_once_under_both(settings: Settings, tmp_path: Path, encoder: OnnxEncoder) -> None:
    guide = tmp_path / "corpus" / "a.md"
    guide.parent.mkdir()
    guide.write_text("# Walrus protocol\n\n## What does the walrus protocol freeze?\n\nIt freezes every embedding table.\n")
    synchronise(settings, [], encoder=encoder)
    answer = Assistant(settings).ask(
        "What does the walrus protocol freeze? Which embedding table does the walrus protocol freeze?"
    )
    assert answer.text == (
        "**What does the walrus protocol freeze? Which embedding table does the walrus protocol freeze?**\n\n"
        "It freezes every embedding table. [1]"
    )
