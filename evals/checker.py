"""`python -m evals.checker`: does the checker see what a passage supports? Measured on pairs labelled by hand, beside cosine.

Two writers made 240 pairs each, over different passages. Each writer's pairs are judged by a rule fitted on the other's;
`--fit` writes the rule that ships, fitted on both.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from evals.command import command
from rag.assistant import Assistant
from rag.settings import load_settings
from rag.verify import RULE, SUPPORTED, Checker, Signals

PAIRS = Path(__file__).parent / "pairs"
NAMES = [field.name for field in fields(Signals)]
Numbers = NDArray[np.float64]
BOOSTED = GradientBoostingClassifier(n_estimators=80, max_depth=3, subsample=0.7, learning_rate=0.07, random_state=0)


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (PAIRS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def features(checker: Checker, pairs: Sequence[dict[str, Any]]) -> Numbers:
    """One row a pair: the signals of the window that supports it best is not known before fitting, so the nearest one."""
    rows = []
    for pair in pairs:
        windows = list(checker.signals(pair["passage"], pair["sentence"]))
        rows.append(list(asdict(max(windows, key=lambda signals: signals.anywhere + signals.met_anywhere)).values()))
    return np.array(rows)


def exported(model: GradientBoostingClassifier) -> dict[str, Any]:
    """The trees in the form `rag.verify.Rule` reads."""

    def node(tree: Any, place: int) -> Any:
        if tree.children_left[place] < 0:
            return round(model.learning_rate * float(tree.value[place].item()), 5)
        below, above = (node(tree, int(children[place])) for children in (tree.children_left, tree.children_right))
        return [NAMES[tree.feature[place]], round(float(tree.threshold[place]), 5), below, above]

    trees = [node(estimator.tree_, 0) for estimator in model.estimators_[:, 0]]
    share = float(model.init_.class_prior_[1])
    return {"start": round(float(np.log(share / (1 - share))), 5), "trees": trees}


def cosines(assistant: Assistant, pairs: Sequence[dict[str, Any]]) -> Numbers:
    """The plain baseline: cosine of sentence and passage."""
    texts = [pair[key] for key in ("sentence", "passage") for pair in pairs]
    vectors = np.stack([encoding.vector for encoding in assistant.encoder.encode(texts)])
    return np.asarray((vectors[: len(pairs)] * vectors[len(pairs) :]).sum(axis=1), dtype=np.float64)


def best_threshold(scores: Numbers, labels: Numbers) -> float:
    options = np.unique(scores)
    return float(options[int(np.argmax([((scores >= option) == labels).mean() for option in options]))])


def report(pairs: Sequence[dict[str, Any]], chances: Numbers, said: dict[str, NDArray[np.bool_]], console: Console) -> None:
    kinds = np.array([pair["kind"] for pair in pairs])
    labels = np.array([bool(pair["label"]) for pair in pairs])
    table = Table("kind", "pairs", *(f"judged right by the {name}" for name in said), box=None)
    verdicts = said.values()
    rows = {kind: [(verdict == labels)[kinds == kind] for verdict in verdicts] for kind in dict.fromkeys(kinds)} | {
        "all (agreement)": [verdict == labels for verdict in verdicts],
        "precision of 'supported'": [labels[verdict] for verdict in verdicts],
        "recall of 'supported'": [verdict[labels] for verdict in verdicts],
    }
    for name, values in rows.items():
        table.add_row(name, str((kinds == name).sum() or len(labels)), *(f"{value.mean():.2f}" for value in values))
    console.print(table)
    console.print(f"AUROC of the checker {roc_auc_score(labels, chances):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.checker", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="write the rule that ships")
    options = parser.parse_args()
    console = Console(width=120)
    assistant = Assistant(load_settings())
    sets = [read("first"), read("second")]
    pairs, writers = [*sets[0], *sets[1]], np.repeat([0, 1], [len(own) for own in sets])
    rows = features(Checker(assistant.encoder, assistant.index), pairs)
    labels = np.array([pair["label"] for pair in pairs], dtype=np.float64)
    if options.fit:
        RULE.write_text(json.dumps(exported(BOOSTED.fit(rows, labels))) + "\n", encoding="utf-8")
        console.print(f"wrote {RULE.name}: {len(BOOSTED.estimators_)} trees")
        return
    chances = cross_val_predict(BOOSTED, rows, labels, cv=GroupKFold(2), groups=writers, method="predict_proba")[:, 1]
    cosine = cosines(assistant, pairs)
    bars = np.array([best_threshold(cosine[writers != own], labels[writers != own]) for own in (0, 1)])
    report(pairs, chances, {"checker": chances >= SUPPORTED, "cosine": cosine >= bars[writers]}, console)


if __name__ == "__main__":
    command(main)
