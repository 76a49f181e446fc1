"""Answers by parts, and answers that know what was said before."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.sync import synchronise
from rag.assistant import Assistant
from rag.cite import NOT_ANSWERED
from rag.compose import DISSENT, PREMISE, as_title, tasks_of
from rag.embed import OnnxEncoder
from rag.retrieve import Found
from rag.settings import Settings
from rag.types import Answer, Length, Turn
from rag.understand import Part, Understood
from rag.words import flat
from tests.rag.answers import assert_sound, statements

Ask = Callable[..., Answer]

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
        ("Our AUC fell in a week. I retrained twice. what do I check first?", "What do I check first?"),
        ("AUC is 0.7. nobody knows", "AUC is 0.7. nobody knows?"),
    ],
)
def test_a_part_stands_over_its_answer_as_a_title(part: str, title: str) -> None:
    assert as_title(part) == title


def test_a_conversation_is_not_told_the_beginning_of_its_last_answer_again(assistant: Assistant) -> None:
    first = assistant.ask(SKEW)
    again = assistant.ask("what is train-serve skew, once more?", [Turn(SKEW, first.text)])
    opening = next(statements(first.text))[0]
    assert again.status == "answered" and flat(opening) not in flat(next(statements(again.text))[0])
    assert_sound(again)


@pytest.fixture
def ask(settings: Settings, tmp_path: Path, encoder: OnnxEncoder) -> Ask:
    """Answers from the guides given, each a text under its title."""

    def answer(question: str, length: Length = "standard", **guides: str) -> Answer:
        folder = tmp_path / "corpus"
        folder.mkdir()
        for name, text in guides.items():
            (folder / f"{name}.md").write_text(f"# {name.title()} guide\n\n{text}\n")
        synchronise(settings, [], encoder=encoder)
        return Assistant(settings).ask(question, length=length)

    return answer


def test_what_answers_two_parts_is_given_once_under_both(ask: Ask) -> None:
    answer = ask(
        "What does the walrus protocol freeze? Which embedding table does the walrus protocol freeze?",
        walrus="## What does the walrus protocol freeze?\n\nIt freezes every embedding table.",
    )
    assert answer.text == (
        "**What does the walrus protocol freeze? Which embedding table does the walrus protocol freeze?**\n\n"
        "It freezes every embedding table. [1]"
    )


FRAUD = "## How often should a fraud model be retrained?\n\n{}"


def test_a_point_that_two_guides_make_is_said_once_and_cites_both(ask: Ask) -> None:
    answer = ask(
        "how often should a fraud model be retrained?",
        alpha=FRAUD.format("Retrain the fraud model every 7 days, after the labels of the week have matured."),
        beta=FRAUD.format("The fraud model is retrained every 7 days, after the week's labels have matured."),
    )
    assert answer.text.count("7 days") == 1 and answer.text.endswith("[1] [2]")
    assert {citation.guide for citation in answer.citations} == {"Alpha guide", "Beta guide"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Retrain the fraud model every 7 days.", "Retrain the fraud model every 30 days."),
        ("Keep dropout active when the fraud model serves.", "Do not keep dropout active when the fraud model serves."),
        ("A larger fraud model raises the latency of the service.", "A larger fraud model lowers the latency of the service."),
    ],
)  # fmt: skip
def test_guides_that_disagree_are_both_quoted_and_the_reader_is_told(ask: Ask, one: str, other: str) -> None:
    answer = ask("how often should a fraud model be retrained?", alpha=FRAUD.format(one), beta=FRAUD.format(other))
    said, against = answer.text.split(f"**{DISSENT}**")
    assert {said.strip(), against.strip()} in ({f"{one} [1]", f"{other} [2]"}, {f"{other} [1]", f"{one} [2]"})


def test_what_holds_for_two_examples_is_no_disagreement(ask: Ask) -> None:
    answer = ask(
        "how often should a fraud model be retrained?",
        alpha=FRAUD.format("If the fraud model decays by 1 point a day, retrain the fraud model every 7 days."),
        beta=FRAUD.format("If the fraud model decays by 3 points a day, retrain the fraud model every 2 days."),
    )
    assert DISSENT not in answer.text


BELIEF = """## What is the classic wrong answer about the walrus protocol?

The classic wrong answer about the walrus protocol is "the walrus protocol trains every layer", which is wrong: it freezes most.

## How do you choose the learning rate of the walrus protocol?

Choose the learning rate of the walrus protocol by a sweep over three values."""


def test_a_false_premise_is_put_right_before_the_question_is_answered(ask: Ask) -> None:
    question = "since the walrus protocol trains every layer, how do i choose the learning rate of the walrus protocol?"
    answer = ask(question, walrus=BELIEF)
    premise, title, rest = answer.text.split("**\n\n", 1)[1].partition("**Since the walrus")
    assert answer.text.startswith(f"**{PREMISE}**") and "which is wrong" in premise
    assert title and "by a sweep" in rest


def test_the_passage_that_puts_a_premise_right_does_not_stand_for_the_whole_answer(ask: Ask) -> None:
    question = "the walrus protocol trains every layer, so what is the classic wrong answer about the walrus protocol?"
    answer = ask(question, walrus=BELIEF)
    assert answer.text.count(f"**{PREMISE}**") == 1 and answer.text.count("which is wrong") == 1
    assert len(answer.citations) == 2


def test_a_question_that_takes_nothing_for_granted_is_not_corrected(ask: Ask) -> None:
    answer = ask("how do i choose the learning rate of the walrus protocol?", walrus=BELIEF)
    assert PREMISE not in answer.text and answer.text.startswith("Choose the learning rate")


SIDES = """## What is the difference between a walrus cache and a heron cache?

A walrus cache keeps the newest rows. It needs little memory, because old rows are dropped at once.

## How does a heron cache decide?

A heron cache keeps the rows that are read most often.

## When should you pick which cache?

Use a walrus cache when reads follow writes, and a heron cache when a few rows are read all day."""


@pytest.mark.parametrize("length", ["standard", "deep"])
def test_a_comparison_has_both_sides_and_the_rule_for_choosing(ask: Ask, length: Length) -> None:
    answer = ask("walrus cache vs heron cache", length, cache=SIDES)
    assert "keeps the newest rows" in answer.text
    assert "Use a walrus cache when" in answer.text


def test_code_that_was_asked_for_comes_whole_and_code_that_was_not_stays_away(assistant: Assistant) -> None:
    asked, explained = assistant.ask("write ROC AUC in python"), assistant.ask("what does ROC AUC measure?")
    blocks = [citation for citation in asked.citations if "```" in citation.quote]
    assert blocks and {citation.heading for citation in blocks} == {asked.citations[0].heading}, "and no other section's"
    assert asked.text.count("```") % 2 == 0
    assert "```" not in explained.text


@pytest.mark.parametrize(
    "question", [SKEW, "how do I choose between ROC AUC and PR AUC?", "how does LoRA work and why is it cheaper?"]
)
def test_a_longer_answer_leaves_out_nothing_that_the_shorter_one_says(assistant: Assistant, question: str) -> None:
    short, standard, deep = (assistant.ask(question, length=length) for length in ("short", "standard", "deep"))
    for shorter, longer in ((short, standard), (standard, deep)):
        cited = [(citation.doc_id, citation.start, citation.end) for citation in longer.citations]
        for citation in shorter.citations:
            assert any(citation.doc_id == doc and start <= citation.start and citation.end <= end for doc, start, end in cited)
        assert len(shorter.text) <= len(longer.text)
