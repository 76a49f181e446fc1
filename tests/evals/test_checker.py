"""The rule that ships is the one that was fitted: its exported trees weigh as sklearn's do."""

import json
from collections import Counter

import numpy as np
import pytest

from evals.checker import BOOSTED, NAMES, best_threshold, exported, features, read
from rag.verify import RULE, SUPPORTED, Checker, Rule, Signals
from tests.evals.room import Room


def test_exported_trees_give_the_chances_that_sklearn_gives() -> None:
    random = np.random.default_rng(0)
    rows = random.random((300, len(NAMES)))
    labels = (rows[:, 0] + rows[:, 3] - rows[:, 5] + random.normal(0, 0.2, 300) > 0.5).astype(np.float64)
    model = BOOSTED.fit(rows, labels)
    rule = Rule(**json.loads(json.dumps(exported(model))))
    chances = [rule.chance(Signals(**dict(zip(NAMES, values, strict=True)))) for values in rows]
    assert chances == pytest.approx(model.predict_proba(rows)[:, 1].tolist(), abs=1e-3)
    assert 0.2 < np.mean(np.array(chances) > 0.5) < 0.8, "both verdicts occur"


def test_the_shipped_rule_is_in_the_form_the_product_reads_and_decides_both_ways() -> None:
    assert RULE.exists()
    rule = Rule.load()
    everything = dict.fromkeys(NAMES, 1.0) | {"new_numbers": 0.0, "negated": 0.0, "opposite": 0.0}
    nothing = dict.fromkeys(NAMES, 0.0) | {"new_numbers": 1.0}
    assert rule.chance(Signals(**everything)) > 0.8 and rule.chance(Signals(**nothing)) < 0.2


def test_the_pairs_are_as_many_and_as_balanced_as_promised() -> None:
    pairs = [*read("first"), *read("second")]
    assert len(pairs) >= 200 and len({pair["id"] for pair in pairs}) == len(pairs)
    assert set(Counter(pair["label"] for pair in pairs)) == {0, 1}
    assert min(Counter(pair["label"] for pair in pairs).values()) > len(pairs) / 3
    assert len({pair["kind"] for pair in pairs}) >= 5
    assert not {pair["passage"] for pair in read("first")} & {pair["passage"] for pair in read("second")}, (
        "no passage on both sides"
    )


def test_the_shipped_rule_agrees_with_the_labels_it_was_fitted_on(room: Room) -> None:
    """A stale rule or one of other signals would fall to chance; its worth elsewhere `python -m evals.checker` says."""
    pairs = read("first")[::16]
    checker = Checker(room.assistant.encoder, room.assistant.index)
    right = [checker.supports(pair["passage"], pair["sentence"]) == bool(pair["label"]) for pair in pairs]
    assert np.mean(right) > 0.75
    assert features(checker, pairs[:5]).shape == (5, len(NAMES))


def test_the_baseline_threshold_is_the_one_that_agrees_most() -> None:
    scores, labels = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert best_threshold(scores, labels) in (0.35, 0.8)
    assert best_threshold(np.array([0.1, 0.2, 0.7, 0.9]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.7
    assert SUPPORTED == 0.5
