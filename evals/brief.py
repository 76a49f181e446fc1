"""`python -m evals.brief`: the 150 questions written before the guides, against the sections a reader said answer them.

The labels were made by reading the guides, without running retrieval. `--table FILE` writes one row per question.
"""

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from evals.metrics import bootstrap_interval
from rag.assistant import Assistant
from rag.errors import PrepError
from rag.settings import load_settings
from rag.types import Answer

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Row:
    item: dict[str, Any]
    answer: Answer
    rank: int | None  # of the first passage that is a right section; None when none is

    def within(self, k: int) -> bool:
        return self.rank is not None and self.rank <= k


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / name).read_text(encoding="utf-8").splitlines()]


def judge(assistant: Assistant, item: dict[str, Any], right: set[tuple[str, str]]) -> Row:
    answer = assistant.ask(item["question"])
    places = [
        {(source.doc_id, heading) for source in passage.sources for heading in source.heading_path} for passage in answer.passages
    ]
    return Row(item, answer, next((rank for rank, place in enumerate(places, start=1) if place & right), None))


def summary(rows: list[Row], console: Console) -> None:
    table = Table("", "questions", "right section first", "in top 3", "in top 5", "in top 8", "wrongly refused", box=None)
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups["all"].append(row)
        groups[row.item["area"]].append(row)
        groups[row.item["style"]].append(row)
    for name, members in groups.items():
        shares = [f"{np.mean([row.within(k) for row in members]):.2f}" for k in (1, 3, 5, 8)]
        refused = sum(row.answer.status != "answered" for row in members)
        table.add_row(name, str(len(members)), *shares, str(refused))
    console.print(table)
    low, high = bootstrap_interval([float(row.within(5)) for row in rows])
    console.print(f"right section in the top 5: {np.mean([row.within(5) for row in rows]):.3f} [{low:.3f}, {high:.3f}]")


def write_table(rows: list[Row], verdicts: dict[str, dict[str, Any]], path: Path) -> None:
    lines = ["| id | question | right section at rank | answer | note |", "|---|---|---|---|---|"]
    for row in rows:
        verdict = verdicts.get(row.item["id"], {})
        said = verdict.get("verdict", "not read") if row.answer.status == "answered" else "refused"
        question = row.item["question"].replace("|", "\\|")
        lines.append(f"| {row.item['id']} | {question} | {row.rank or '–'} | {said} | {verdict.get('note', '')} |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.brief", description=__doc__)
    parser.add_argument("--table", type=Path, help="write one row per question to this Markdown file")
    options = parser.parse_args()
    console = Console(width=120)
    right = {
        item["id"]: {(place["path"], place["heading"]) for place in item["sections"]} for item in read("brief-150-sections.jsonl")
    }
    try:
        assistant = Assistant(load_settings())
    except PrepError as error:
        print(error, file=sys.stderr)
        return 1
    rows = [
        judge(assistant, item, right[item["id"]])
        for item in track(read("brief-150.jsonl"), "Asking", console=console, transient=True)
    ]
    refused = [
        assistant.ask(item["question"]).status != "answered"
        for item in track(read("unanswerable-dev.jsonl"), "Asking", console=console, transient=True)
    ]
    summary(rows, console)
    console.print(f"unanswerable questions refused: {sum(refused)} of {len(refused)} (the set the rule was fitted on)")
    if options.table:
        write_table(rows, {item["id"]: item for item in read("brief-150-verdicts.jsonl")}, options.table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
