"""Two runs side by side, against differences worked out by hand."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evals.compare import Rows, changes, main, paired, table
from tests.evals.conftest import ended


def row(name: str, **metrics: float | None) -> dict[str, Any]:
    return {"id": name, "question": f"what is {name}?", "metrics": metrics}


def run(*rows: dict[str, Any]) -> Rows:
    return {item["id"]: item for item in rows}


BEFORE = run(row("a", mrr=0.5, words=100.0), row("b", mrr=1.0, words=None), row("c", mrr=0.0), row("gone", mrr=1.0))
AFTER = run(row("a", mrr=1.0, words=80.0), row("b", mrr=1.0, words=90.0), row("c", mrr=None), row("new", mrr=0.0))


def write(folder: Path, rows: Rows) -> Path:
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows.values()))
    return folder


def cells(rows: Any) -> dict[str, list[str]]:
    columns = [list(column.cells) for column in table(rows).columns]
    return {str(line[0]): [str(cell) for cell in line[1:]] for line in zip(*columns, strict=True)}


def test_only_what_both_runs_measured_is_paired() -> None:
    assert paired(BEFORE, AFTER) == {"mrr": [("a", 0.5, 1.0), ("b", 1.0, 1.0)], "words": [("a", 100.0, 80.0)]}


def test_means_differences_and_counts_are_those_worked_out_by_hand() -> None:
    found = cells(paired(BEFORE, AFTER))
    assert found["mrr"][:2] == ["0.750", "1.000"]
    assert found["mrr"][2].startswith("+0.2500 ") and found["mrr"][4] == "2"
    # the interval of the mean of (.5, 0) drawn twice with replacement reaches from 0 to .5
    assert "[+0.0000, +0.5000]" in found["mrr"][2]
    # one of the four sign patterns of (.5, 0) is not farther than another: every mean is .25 from zero
    assert found["mrr"][3] == "1.0000"
    assert found["words"] == ["100.000", "80.000", "-20.0000 \\[-20.0000, -20.0000]", "1.0000", "1"]


def test_better_and_worse_follow_the_direction_of_the_measure(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = {"facts_stated": [("up", 0.0, 1.0), ("down", 1.0, 0.5), ("same", 1.0, 1.0)], "over_refusal": [("up", 0.0, 1.0)]}
    changes(
        pairs,
        {name: {"question": said} for name, said in (("up", "rises"), ("down", "falls"), ("same", "stays"))},
        Console(width=140),
    )
    printed = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert printed == [
        "facts_stated: 1 better", "up  0.00 → 1.00  rises", "facts_stated: 1 worse", "down  1.00 → 0.50  falls",
        "over_refusal: 1 worse", "up  0.00 → 1.00  rises",
    ]  # fmt: skip


def test_the_largest_changes_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    changes({"refused": [("a", 0.0, 0.2), ("b", 0.0, 0.9), ("c", 0.0, 0.5)]}, run(*map(row, "abc")), Console(width=140))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == ["b", "c", "a"]


def test_the_command_names_the_questions_that_only_one_run_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = write(tmp_path / "a", BEFORE), write(tmp_path / "b", AFTER)
    monkeypatch.setattr(sys, "argv", ["evals.compare", str(before), str(after)])
    assert ended(main) == 0
    assert "2 questions are in one run only and were left out: gone, new" in capsys.readouterr().out


def test_a_folder_without_a_run_exits_2_with_the_command_that_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["evals.compare", str(write(tmp_path / "a", BEFORE)), str(tmp_path / "b")])
    assert ended(main) == 2
    assert f"python -m evals.run --out {tmp_path / 'b'}" in capsys.readouterr().err
