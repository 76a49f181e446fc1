"""`python -m evals.refusal`: fit the rule that tells a question the guides answer from one they do not.

Fitted on the dev split of the golden questions, a question's parts each on their own; judged by cross-validation.
"""

import sys
from dataclasses import asdict, fields

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from evals import dataset
from rag.assistant import Assistant
from rag.evidence import Signals, signals_of
from rag.settings import load_settings

OVER_REFUSAL = (0.02, 0.04, 0.06, 0.08)


def main() -> int:
    console = Console(width=120)
    assistant = Assistant(load_settings())
    rows, answerable = [], []
    for question in track(dataset.load("dev"), "Retrieving", console=console, transient=True):
        for retrieval in assistant.retrieve(question.text, question.history).retrievals:
            rows.append(list(asdict(signals_of(retrieval, assistant.index)).values()))
            answerable.append(int(question.answerable))
    features, labels = np.array(rows), np.array(answerable)
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
