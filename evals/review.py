"""`python -m evals.review FOLDER`: judge a run's answers yourself; `--report` says how far its judge, and others, agree with you.

Labels are kept in the run's folder as they are given: stop at any time and go on later.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.command import command
from evals.folder import read_config, read_rows, rows_of

MEANING = {"y": True, "n": False, "s": None, **{str(grade): grade for grade in range(1, 6)}}
SENTENCE = ("supported? y/n (s skip, q quit) ", ("y", "n", "s"))
GRADE = ("as an interviewer, 1 bad … 5 very good? (s skip, q quit) ", ("1", "2", "3", "4", "5", "s"))
Row = dict[str, Any]
Labels = dict[str, Any]


def about(row: Row, sentence: Row | None = None) -> str:
    """What a label is given to: a sentence with what it cites, or a whole answer."""
    said = [sentence["text"], sentence["evidence"]] if sentence else [row["answer"]]
    return json.dumps([row["id"], *said], ensure_ascii=False)


def sampled(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """The same answers for the same seed; a larger count adds to them."""
    answers = [row for row in rows if row.get("sentences")]
    return sorted(answers, key=lambda row: hashlib.sha256(f"{seed} {row['id']}".encode()).hexdigest())[:count]


def walk(rows: Sequence[Row], path: Path, console: Console) -> None:
    done = labels(path)
    for number, row in enumerate(rows, start=1):
        shown = f"\n{number} of {len(rows)}: {' / '.join([*row['history'], row['question']])}\n\n{row['answer']}\n"
        told = [f"\n{item['text']}\n  cites: {item['evidence'] or 'nothing'}" for item in row["sentences"]]
        steps = [(about(row, item), text, *SENTENCE) for item, text in zip(row["sentences"], told, strict=True)]
        for name, text, prompt, keys in [*steps, (about(row), "", *GRADE)]:
            if name in done:
                continue
            console.print(shown + text, markup=False, highlight=False)
            shown = ""
            while (pressed := input(prompt).strip().lower()) not in keys:
                if pressed == "q":
                    raise EOFError
            done[name] = MEANING[pressed]
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"about": name, "label": done[name]}, ensure_ascii=False) + "\n")


def labels(path: Path) -> Labels:
    return {item["about"]: item["label"] for item in read_rows(path)}


def agreement(one: Labels, other: Labels) -> tuple[list[int], float | None, float | None]:
    """Counts (both yes, only the first, only the second, both no), raw agreement, Cohen's kappa; None where it cannot be said."""
    pairs = [(one[name], other[name]) for name in one if name in other]
    yes, first, second, no = counts = [pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))]
    if not pairs:
        return counts, None, None
    raw, total = (yes + no) / len(pairs), len(pairs) ** 2
    chance = ((yes + first) * (yes + second) + (no + second) * (no + first)) / total
    return counts, raw, (raw - chance) / (1 - chance) if chance < 1 else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.review", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of a run")
    parser.add_argument("--count", type=int, default=20, help="how many answers to sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", action="store_true", help="agreement between you, the run's judge and those of --with")
    parser.add_argument("--with", type=Path, nargs="*", default=[], dest="others", metavar="FOLDER", help="runs by other judges")
    options = parser.parse_args()
    runs = {folder: list(rows_of(folder).values()) for folder in (options.folder, *options.others)}
    console, path = Console(width=140), options.folder / "labels.jsonl"
    if not options.report:
        try:
            walk(sampled(runs[options.folder], options.count, options.seed), path, console)
        except (EOFError, KeyboardInterrupt):
            print(f"\nKept in {path}. The same command goes on from here.")
        return
    given = {name: label for name, label in labels(path).items() if label is not None}
    raters = {"person": {name: label for name, label in given.items() if isinstance(label, bool)}}
    for folder, rows in runs.items():
        said = {about(row, item): item["supported"] for row in rows for item in row.get("sentences", ())}
        raters[f"{read_config(folder).get('judge')} ({folder.name})"] = said
    table = Table("is the sentence supported?", "both", "yes yes", "yes no", "no yes", "no no", "agreement", "kappa", box=None)
    for one, other in combinations(raters, 2):
        counts, *figures = agreement(raters[one], raters[other])
        cells = [*counts, *("–" if figure is None else f"{figure:.3f}" for figure in figures)]
        table.add_row(f"{one}, {other}", str(sum(counts)), *map(str, cells))
    console.print(table)
    grades = [label for label in given.values() if not isinstance(label, bool)]
    mean = f", mean {sum(grades) / len(grades):.2f} of 5" if grades else ""
    console.print(f"{len(grades)} answers graded{mean}", highlight=False)


if __name__ == "__main__":
    command(main)
