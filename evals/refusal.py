"""`python -m evals.refusal`: fit the rule that tells a question the guides answer from one they do not.

Fitted on the questions written before the guides (answerable) and on `unanswerable-dev.jsonl`; judged by cross-validation.
"""

import json
import sys
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from rag.assistant import Assistant
from rag.evidence import Signals, signals_of
from rag.settings import load_settings

GOLDEN = Path(__file__).parent / "golden"
OVER_REFUSAL = (0.02, 0.04, 0.06, 0.08)


def questions(name: str) -> list[str]:
    return [json.loads(line)["question"] for line in (GOLDEN / name).read_text().splitlines()]


def main() -> int:
    console = Console(width=120)
    assistant = Assistant(load_settings())
    answerable, unanswerable = questions("brief-150.jsonl"), questions("unanswerable-dev.jsonl")
    rows = []
    for question in track(answerable + unanswerable, "Retrieving", console=console, transient=True):
        retrieval = assistant.retrieve(question)
        rows.append(list(asdict(signals_of(retrieval, assistant.index)).values()))
    features = np.array(rows)
    labels = np.array([1] * len(answerable) + [0] * len(unanswerable))
    model = LogisticRegression(C=10.0, class_weight="balanced")
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    chances = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")[:, 1]
    model.fit(features, labels)

    table = Table("signal", "AUROC alone", "weight", box=None)
    for column, field in enumerate(fields(Signals)):
        alone = roc_auc_score(labels, features[:, column])
        table.add_row(field.name, f"{alone:.3f}", f"{model.coef_[0][column]:.2f}")
    console.print(table)
    console.print(f"bias {model.intercept_[0]:.2f}; all signals, cross-validated: AUROC {roc_auc_score(labels, chances):.3f}")
    for share in OVER_REFUSAL:
        threshold = float(np.quantile(chances[labels == 1], share))
        refused = float((chances[labels == 0] < threshold).mean())
        console.print(
            f"at {share:.0%} of answerable questions refused: {refused:.1%} of the others refused (threshold {threshold:.2f})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
