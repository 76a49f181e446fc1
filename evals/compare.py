"""`python -m evals.compare A B`: two runs of the same questions, measure by measure and question by question."""

import argparse
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.command import command
from evals.folder import rows_of
from evals.metrics import bootstrap_interval, permutation_p

CHANGES = 10
FOLLOWED = ("facts_stated", "recall@8", "citation_precision", "over_refusal", "refused")
LOWER_IS_BETTER = {"over_refusal", "hallucination", "milliseconds", "words", "tokens", "cost"}
Rows = dict[str, dict[str, Any]]
Pairs = dict[str, list[tuple[str, float, float]]]


def paired(before: Rows, after: Rows) -> Pairs:
    """By measure: (question, before, after) wherever both runs took it."""
    pairs: Pairs = {}
    for question in after:
        old = before[question]["metrics"] if question in before else {}
        for name, value in after[question]["metrics"].items():
            if value is not None and old.get(name) is not None:
                pairs.setdefault(name, []).append((question, old[name], value))
    return pairs


def table(pairs: Pairs) -> Table:
    made = Table("measure", "before", "after", "difference [95 % interval]", "p", "pairs", box=None)
    for name, values in sorted(pairs.items()):
        _, before, after = zip(*values, strict=True)
        differences = [new - old for _, old, new in values]
        low, high = bootstrap_interval(differences)
        made.add_row(
            name, f"{mean(before):.3f}", f"{mean(after):.3f}", f"{mean(differences):+.4f} \\[{low:+.4f}, {high:+.4f}]",
            f"{permutation_p(differences):.4f}", str(len(values)),
        )  # fmt: skip
    return made


def changes(pairs: Pairs, rows: Rows, console: Console) -> None:
    """Per measure, the questions it changed most on."""
    for name in FOLLOWED:
        sign = -1 if name in LOWER_IS_BETTER else 1
        for label, better in (("better", sign), ("worse", -sign)):
            moved = [item for item in pairs.get(name, ()) if better * (item[2] - item[1]) > 0]
            if moved:
                console.print(f"\n{name}: {len(moved)} {label}", style="bold")
            for question, before, after in sorted(moved, key=lambda item: -abs(item[2] - item[1]))[:CHANGES]:
                asked = rows[question]["question"]
                console.print(f"  {question}  {before:.2f} → {after:.2f}  {asked}", highlight=False, markup=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.compare", description=__doc__)
    parser.add_argument("before", type=Path, help="folder of a run")
    parser.add_argument("after", type=Path, help="folder of another run")
    options = parser.parse_args()
    before, after = rows_of(options.before), rows_of(options.after)
    console = Console(width=140)
    pairs = paired(before, after)
    console.print(table(pairs))
    if alone := before.keys() ^ after.keys():
        console.print(f"{len(alone)} questions are in one run only and were left out: {', '.join(sorted(alone)[:10])}")
    changes(pairs, after, console)


if __name__ == "__main__":
    command(main)
