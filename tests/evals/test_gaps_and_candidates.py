"""What people leave behind becomes a list to work through, and nothing more."""

import json
from typing import Any

import pytest

from evals import candidates, dataset, gaps
from rag import journal
from rag.embed import OnnxEncoder
from rag.settings import Settings
from tests.evals.conftest import ended

FEATURE_STORE = "How do I set up a feature store on Kubernetes?"


@pytest.fixture
def project(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PREP_DATA_DIR", str(settings.data_dir))
    return settings


def gap(settings: Settings, question: str, **fields: Any) -> None:
    journal.record(settings, "gap", question=question, **{"understood": question, "strength": 0.2, "nearest": [], **fields})


def reviewed(settings: Settings, pattern: str) -> str:
    (path,) = (settings.data_dir / "review").glob(pattern)
    return path.read_text(encoding="utf-8")


def golden_files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in dataset.GOLDEN.glob("*")}


def test_questions_that_ask_the_same_thing_are_one_gap_and_others_are_not(project: Settings, encoder: OnnxEncoder) -> None:
    others = ("Can I run a feature store on Kubernetes?", "How do I set up Kubernetes?")  # cosines to the first .88 and .75
    for question in (FEATURE_STORE, FEATURE_STORE, *others):
        gap(project, question)
    found = gaps.grouped(list(journal.entries(project, "gap")), encoder)
    assert [len(group) for group in found] == [3, 1]


def test_a_wish_counts_with_the_refusal_it_was_made_at_and_comes_before_mere_refusals(
    project: Settings, encoder: OnnxEncoder
) -> None:
    gap(project, "asked often")
    gap(project, "asked often")
    gap(project, "and in Go?", understood="How do I write a Kubernetes operator in Go?")
    journal.record(project, "wanted", question="and in Go?")
    entries = [*journal.entries(project, "gap"), *journal.entries(project, "wanted")]
    wanted, asked = gaps.grouped(entries, encoder)
    assert [entry["kind"] for entry in wanted] == ["gap", "wanted"]
    assert gaps.count(asked, "gap") == 2


def test_a_follow_up_is_compared_by_what_it_was_understood_to_ask(project: Settings, encoder: OnnxEncoder) -> None:
    gap(project, "why?", understood="Why does my teapot leak?")
    gap(project, "Why does my teapot leak?")
    assert len(gaps.grouped(list(journal.entries(project, "gap")), encoder)) == 1


def test_the_gaps_file_names_counts_wordings_nearest_sections_and_the_last_date(
    project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    gap(project, FEATURE_STORE, nearest=["Feature stores: What is a feature store?"])
    gap(project, FEATURE_STORE)
    gap(project, "how to set up a feature\nstore in kubernetes", nearest=["Feature stores: What is a feature store?"])
    before = golden_files()
    assert ended(gaps.main) == 0
    text = reviewed(project, "*-gaps.md")
    (entry,) = journal.path(project).read_text().splitlines()[-1:]
    assert f"- [ ] **{FEATURE_STORE}** (refused 3, wanted 0, last {json.loads(entry)['at'][:10]})" in text
    assert "  - asked as: how to set up a feature store in kubernetes (1)" in text, "on one line"
    assert text.count("  - nearest: Feature stores: What is a feature store?") == 1
    assert "3 refusals and 0 wishes, 1 different questions: " in capsys.readouterr().out
    assert golden_files() == before, "nothing enters the golden set by itself"


def test_a_file_that_is_being_worked_through_is_never_written_over(project: Settings) -> None:
    gap(project, FEATURE_STORE)
    assert ended(gaps.main) == ended(gaps.main) == 0
    assert len(list((project.data_dir / "review").glob("*-gaps.md"))) == 2


@pytest.mark.parametrize("command", [gaps.main, candidates.main])
def test_an_empty_journal_makes_no_file(project: Settings, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(command) == 0
    assert "nothing to review" in capsys.readouterr().out
    assert not (project.data_dir / "review").exists()


@pytest.mark.parametrize("command", [gaps.main, candidates.main])
def test_a_setting_that_cannot_be_is_named_and_exits_2(
    project: Settings, command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREP_PASSAGES", "many")
    assert ended(command) == 2
    assert "PREP_PASSAGES" in capsys.readouterr().err


def feedback(question: str, verdict: str, at: str = "2026-01-01", **fields: Any) -> dict[str, Any]:
    given = {"question": question, "verdict": verdict, "at": at, "history": [], "answer": "An answer. [1]", "reason": ""}
    return {**given, "citations": ["[1] Guide: Heading (corpus/a.md:3)"], "trace": {}, **fields}


def asked(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["question"], row["verdict"]) for row in rows]


def test_disliked_answers_come_first_and_the_newest_first_among_them() -> None:
    given = [feedback("a", "up", "1"), feedback("b", "down", "2"), feedback("c", "up", "3"), feedback("d", "down", "4")]
    assert asked(candidates.candidates(given, [])) == [("d", "down"), ("b", "down"), ("c", "up"), ("a", "up")]


def test_a_changed_mind_counts_once_and_as_it_was_changed() -> None:
    given = [
        feedback("a", "down", "1"),
        feedback("a", "down", "2", reason="Too long"),
        feedback("b", "down"),
        feedback("b", "up", "9"),
    ]
    found = candidates.candidates(given, [])
    assert asked(found) == [("a", "down"), ("b", "up")] and found[0]["reason"] == "Too long"


def test_two_answers_to_one_question_make_one_row_the_disliked_one() -> None:
    given = [feedback("a", "down", "1", answer="short"), feedback("A ", "up", "2", answer="long")]
    (row,) = candidates.candidates(given, [])
    assert (row["verdict"], row["answer"]) == ("down", "short")


def test_a_golden_question_is_no_candidate_but_the_same_words_after_another_conversation_are() -> None:
    golden = [question for question in dataset.load() if question.history][:1]
    history = [turn.question for turn in golden[0].history]
    same = feedback(f"  {golden[0].text.upper()}", "down", history=history)
    assert candidates.candidates([same], golden) == []
    assert len(candidates.candidates([feedback(golden[0].text, "down", history=["something else"])], golden)) == 1


def test_a_candidate_has_the_form_of_a_golden_row_but_cannot_be_loaded_before_it_is_written(
    project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    given = feedback("Does my toaster need a warm-up?", "down", history=["What is warm-up?"], reason="Wrong")
    journal.record(project, "feedback", **{name: value for name, value in given.items() if name != "at"})
    before = golden_files()
    assert ended(candidates.main) == 0
    assert golden_files() == before
    row = json.loads(reviewed(project, "*-candidates.jsonl"))
    golden_row = json.loads((dataset.GOLDEN / "math.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert set(golden_row) <= {*row, "history"} and row["history"] == [{"question": "What is warm-up?", "answer": ""}]
    assert (row["reference"], row["facts"], row["citations"]) == ("", [], given["citations"])
    with pytest.raises(KeyError):
        dataset.question_of(row)
    assert "1 verdicts, 1 questions that are not golden: " in capsys.readouterr().out
