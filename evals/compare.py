"""`python -m evals.compare A B`: two runs of the same questions, measure by measure and question by question."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.metrics import bootstrap_interval, permutation_p
from evals.run import read_rows

CHANGES = 10
FOLLOWED = ("facts_stated", "recall@8", "citation_precision", "over_refusal", "refused")
LOWER_IS_BETTER = {"over_refusal", "hallucination", "milliseconds", "words", "tokens", "cost"}


def paired(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> dict[str, list[tuple[str, float, float]]]:
    """By measure: (question, before, after) wherever both runs took it."""
    old = {row["id"]: row["metrics"] for row in before}
    pairs: dict[str, list[tuple[str, float, float]]] = {}
    for row in after:
        for name, value in row["metrics"].items():
            was = old.get(row["id"], {}).get(name)
            if was is not None and value is not None:
                pairs.setdefault(name, []).append((row["id"], was, value))
    return pairs


def table(pairs: dict[str, list[tuple[str, float, float]]]) -> Table:
    made = Table("measure", "before", "after", "difference [95 % interval]", "p", "pairs", box=None)
    for name, values in sorted(pairs.items()):
        differences = [after - before for _, before, after in values]
        low, high = bootstrap_interval(differences)
        count = len(values)
        made.add_row(
            name, f"{sum(before for _, before, _ in values) / count:.3f}", f"{sum(after for _, _, after in values) / count:.3f}",
            f"{sum(differences) / count:+.4f} \\[{low:+.4f}, {high:+.4f}]", f"{permutation_p(differences):.4f}", str(count),
        )  # fmt: skip
    return made


def changes(pairs: dict[str, list[tuple[str, float, float]]], questions: dict[str, str], console: Console) -> None:
    """Per measure, the questions it changed most on."""
    for name in FOLLOWED:
        sign = -1 if name in LOWER_IS_BETTER else 1
        moved = sorted((item for item in pairs.get(name, ()) if item[1] != item[2]), key=lambda item: sign * (item[2] - item[1]))
        better = [item for item in reversed(moved) if sign * (item[2] - item[1]) > 0]
        worse = [item for item in moved if sign * (item[2] - item[1]) < 0]
        for label, items in (("better", better), ("worse", worse)):
            if items:
                console.print(f"\n{name}: {len(items)} {label}", style="bold")
            for question, before, after in items[:CHANGES]:
                console.print(f"  {question}  {before:.2f} → {after:.2f}  {questions[question]}", highlight=False, markup=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.compare", description=__doc__)
    parser.add_argument("before", type=Path, help="folder of a run")
    parser.add_argument("after", type=Path, help="folder of another run")
    options = parser.parse_args()
    for folder in (options.before, options.after):
        if not (folder / "rows.jsonl").exists():
            print(f"{folder} holds no run. Make one: python -m evals.run --out {folder}", file=sys.stderr)
            return 2
    before, after = (list(read_rows(folder / "rows.jsonl")) for folder in (options.before, options.after))
    alone = {row["id"] for row in before} ^ {row["id"] for row in after}
    console = Console(width=140)
    pairs = paired(before, after)
    console.print(table(pairs))
    if alone:
        console.print(f"{len(alone)} questions are in one run only and were left out: {', '.join(sorted(alone)[:10])}")
    changes(pairs, {row["id"]: row["question"] for row in after}, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
