"""`python -m evals.fit`: fit the two rules that answers hang on, on the dev split of the golden questions.

One tells a question the guides answer from one they do not (`rag/evidence.py`), one the pieces of passages that say what was
asked (`rag/pieces.py`), by what readers who saw all pieces would have read aloud (`choices.jsonl`: how each piece begins, in
their order). Both are judged by cross-validation; the weights printed are those that stand in these files.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict

from evals import dataset
from evals.command import command
from rag import evidence, pieces
from rag.assistant import Assistant
from rag.compose import planned, tasks_of
from rag.settings import load_settings
from rag.units import Unit

OVER_REFUSAL = (0.02, 0.04, 0.06, 0.08)
CHOICES = Path(__file__).with_name("choices.jsonl")


def main() -> None:
    console = Console(width=120)
    assistant = Assistant(load_settings())
    chosen = choices()
    refusal: list[tuple[Any, bool]] = []
    choice: list[tuple[Any, bool]] = []
    groups: list[int] = []
    leads: list[bool] = []
    for number, question in enumerate(track(dataset.load("dev"), "Retrieving", console=console, transient=True)):
        found = assistant.retrieve(question.text, question.history)
        refusal += [(evidence.signals_of(item, assistant.index), question.answerable) for item in found.retrievals]
        if not (read := chosen.get(question.id)):
            continue
        for plan in filter(None, planned(tasks_of(found, [True] * len(found.retrievals)), assistant.index, "")):
            leads.append(any(begins(unit, read[:1]) for unit in plan.lead.units))
            signals = pieces.signals_of(plan.found, plan.found.index(plan.lead))
            for item, own in zip(plan.found, signals, strict=True):
                choice += [(each, begins(unit, read)) for unit, each in zip(item.units, own, strict=True)]
            groups += [number] * (len(choice) - len(groups))

    console.rule("Do the guides answer it?")
    chances, labels = fitted(console, refusal, StratifiedKFold(10, shuffle=True, random_state=0), C=10.0, class_weight="balanced")
    for share in OVER_REFUSAL:
        threshold = float(np.quantile(chances[labels], share))
        refused = float((chances[~labels] < threshold).mean())
        console.print(
            f"at {share:.0%} of answerable questions refused: {refused:.1%} of the others refused (threshold {threshold:.2f})"
        )
    console.rule("Does a piece say what was asked?")
    chances, labels = fitted(console, choice, list(GroupKFold(6).split(choice, groups=groups)))
    console.print(f"average precision {average_precision_score(labels, chances):.3f}; {labels.mean():.1%} of pieces do")
    console.print(f"{np.mean(leads):.1%} of {len(leads)} answers are led by the passage that the reader began with")


def choices() -> dict[str, list[str]]:
    """Question id → how the pieces begin that a reader chose, in order."""
    rows = map(json.loads, CHOICES.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["read"] for row in rows}


def begins(unit: Unit, beginnings: list[str]) -> bool:
    return " ".join(unit.text.split()).startswith(tuple(beginnings))


def fitted(console: Console, rows: Sequence[tuple[Any, bool]], folds: Any, **options: Any) -> tuple[Any, Any]:
    """Print the fitted weights; returns the cross-validated chances and the labels."""
    features, labels = np.array([signals for signals, _ in rows]), np.array([label for _, label in rows])
    model = LogisticRegression(max_iter=2000, **options)
    chances = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")[:, 1]
    model.fit(features, labels)
    table = Table("signal", "AUROC alone", "weight", box=None)
    for column, name in enumerate(rows[0][0]._fields):
        table.add_row(name, f"{roc_auc_score(labels, features[:, column]):.3f}", f"{model.coef_[0][column]:.2f}")
    console.print(table)
    console.print(f"bias {model.intercept_[0]:.2f}; all signals, cross-validated: AUROC {roc_auc_score(labels, chances):.3f}")
    return chances, labels


if __name__ == "__main__":
    command(main)
