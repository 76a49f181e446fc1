"""A person's labels: given through a pipe, kept as they are given, and held against the judges."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.review import agreement, main, sampled
from tests.evals.conftest import ended


def sentence(text: str, supported: bool) -> dict[str, Any]:
    return {"text": text, "evidence": f"evidence of {text}", "supported": supported, "founded": supported}


def row(name: str, *verdicts: bool) -> dict[str, Any]:
    sentences = [sentence(f"{name}{number}", verdict) for number, verdict in enumerate(verdicts)]
    return {"id": name, "question": f"what is {name}?", "history": [], "answer": f"answer {name}", "sentences": sentences}


ROWS = [row("a", True, False), row("b", True), row("refused")]


def written(folder: Path, rows: list[dict[str, Any]], judge: str = "local") -> Path:
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows))
    (folder / "config.json").write_text(json.dumps({"judge": judge}))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "run", ROWS)


def review(monkeypatch: pytest.MonkeyPatch, keys: str, *options: object) -> object:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{key}\n" for key in keys)))
    monkeypatch.setattr(sys, "argv", ["evals.review", *map(str, options)])
    return ended(main)


def given(folder: Path) -> list[Any]:
    return [json.loads(line)["label"] for line in (folder / "labels.jsonl").read_text().splitlines()]


def test_every_sentence_and_then_the_answer_are_asked_for_and_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order = [item["id"] for item in sampled(ROWS, 20, 0)]
    assert set(order) == {"a", "b"}, "a refusal has nothing to judge"
    assert review(monkeypatch, "yn4y5" if order[0] == "a" else "y5yn4", folder) == 0
    assert given(folder) == ([True, False, 4, True, 5] if order[0] == "a" else [True, 5, True, False, 4])
    printed = capsys.readouterr().out
    assert "what is a?" in printed and "answer a" in printed and "evidence of a1" in printed


def test_stopped_in_the_middle_it_goes_on_with_the_next_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert review(monkeypatch, "yq", folder) == 0
    assert given(folder) == [True]
    assert review(monkeypatch, "", folder) == 0, "an empty pipe stops like q"
    assert review(monkeypatch, "sss3", folder) == 0
    assert len(given(folder)) == 5 and given(folder)[0] is True
    assert review(monkeypatch, "", folder) == 0, "nothing is left to ask"


def test_a_key_that_means_nothing_is_asked_again_and_a_grade_is_no_verdict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert review(monkeypatch, ["x", "", "3", "Y", "q"], folder) == 0  # type: ignore[arg-type]
    assert given(folder) == [True]


def test_a_sample_is_the_same_for_a_seed_and_a_larger_one_adds_to_it() -> None:
    rows = [row(str(number), True) for number in range(50)]
    few, more = ([item["id"] for item in sampled(rows, count, 3)] for count in (5, 20))
    assert more[:5] == few and len(set(more)) == 20
    assert [item["id"] for item in sampled(rows[::-1], 5, 3)] == few
    assert [item["id"] for item in sampled(rows, 5, 4)] != few


def labelled(yes_yes: int, yes_no: int, no_yes: int, no_no: int) -> tuple[dict[str, bool], dict[str, bool]]:
    pairs = [(True, True)] * yes_yes + [(True, False)] * yes_no + [(False, True)] * no_yes + [(False, False)] * no_no
    return {str(n): one for n, (one, _) in enumerate(pairs)}, {str(n): other for n, (_, other) in enumerate(pairs)}


def test_kappa_is_the_one_worked_out_by_hand() -> None:
    # 35 of 50 agree; chance 25/50 × 30/50 + 25/50 × 20/50 = .5; kappa (.7 − .5) / .5
    assert agreement(*labelled(20, 5, 10, 15))[0] == [20, 5, 10, 15]
    assert agreement(*labelled(20, 5, 10, 15))[1:] == pytest.approx((0.7, 0.4))
    assert agreement(*labelled(2, 0, 0, 3))[1:] == (1, 1)
    assert agreement(*labelled(0, 3, 3, 0))[1:] == (0, -1)


def test_where_chance_leaves_no_room_there_is_no_kappa_and_where_nothing_is_shared_no_agreement() -> None:
    assert agreement(*labelled(9, 0, 0, 0)) == ([9, 0, 0, 0], 1, None)
    assert agreement({"a": True}, {"b": True}) == ([0, 0, 0, 0], None, None)


def test_the_report_sets_person_local_judge_and_llm_judge_side_by_side(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reworded = {**row("b", True), "sentences": [sentence("another answer", True)]}
    other = written(tmp_path / "other", [row("a", True, True), reworded], "llm openai:x")
    order = [item["id"] for item in sampled(ROWS, 20, 0)]
    review(monkeypatch, "yn4s2" if order[0] == "a" else "s2yn4", folder)
    capsys.readouterr()
    assert review(monkeypatch, "", folder, "--report", "--with", other) == 0
    printed = capsys.readouterr().out
    lines = {line.strip().split("  ")[0]: line.split()[-7:] for line in printed.splitlines()}
    assert lines["person, local (run)"] == ["2", "1", "0", "0", "1", "1.000", "1.000"], "what was skipped is left out"
    assert lines["person, llm openai:x (other)"] == ["2", "1", "0", "1", "0", "0.500", "0.000"]
    assert lines["local (run), llm openai:x (other)"][0] == "2", "another answer to the same question is not compared"
    assert "2 answers graded, mean 3.00 of 5" in printed


def test_a_folder_without_a_run_exits_2_with_the_command_that_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert review(monkeypatch, "", tmp_path) == 2
    assert f"python -m evals.run --out {tmp_path}" in capsys.readouterr().err
