"""Late interaction, held against loops that anyone can follow."""

from pathlib import Path

import numpy as np
import pytest

from ingest.sync import synchronise
from rag.embed import OnnxEncoder
from rag.errors import ModelProblem
from rag.index import Index, fingerprint
from rag.rerank import FLOOR, LateInteraction, Query, best_matches, load_reranker, met, unit_tokens
from rag.settings import Settings
from rag.words import INTENT_SHARE
from tests.conftest import make_settings

QUESTION = "How do I debug stale features?"


def by_hand(query: Query, row: int, index: Index) -> float:
    """The idf-weighted mean, over the question's word pieces, of how far the best cosine is above the floor, squared."""
    passage = index.arrays.encoding(row).tokens.astype(float)
    gained = 0.0
    for piece, weight in zip(query.encoding.tokens.astype(float), query.weights, strict=True):
        best = max(
            (float(piece @ other / np.linalg.norm(piece) / np.linalg.norm(other)) for other in passage),
            default=0.0,
        )
        gained += weight * max(best - FLOOR, 0.0) ** 2
    return float(gained / query.weights.sum())


def test_scores_equal_those_computed_by_hand(index: Index, encoder: OnnxEncoder) -> None:
    query = Query.of(QUESTION, encoder, index)
    rows = [5, 0, len(index.ids) - 1, 5]
    expected = [by_hand(query, row, index) for row in rows]
    assert LateInteraction().scores(query, rows, index) == pytest.approx(expected, abs=1e-4)
    assert len({round(value, 5) for value in expected}) == 3


def test_the_passage_about_the_question_scores_above_one_about_another_subject(index: Index, encoder: OnnxEncoder) -> None:
    query = Query.of("train-serve skew", encoder, index)
    passages = index.passages(range(len(index.ids)))
    scores = LateInteraction().scores(query, range(len(passages)), index)
    assert "skew" in passages[int(scores.argmax())].text.lower()
    assert "skew" not in passages[int(scores.argmin())].text.lower()


@pytest.mark.parametrize("question", ["", "   ", "?!", "what is it and how do you do this"])
def test_a_question_without_word_pieces_scores_every_passage_zero_and_never_nan(
    index: Index, encoder: OnnxEncoder, question: str
) -> None:
    query = Query.of(question, encoder, index)
    assert len(query.weights) == 0
    assert LateInteraction().scores(query, [0, 1, 2], index).tolist() == [0, 0, 0]


def test_no_candidates_give_no_scores(index: Index, encoder: OnnxEncoder) -> None:
    assert LateInteraction().scores(Query.of(QUESTION, encoder, index), [], index).shape == (0,)


def test_a_word_of_intent_counts_less_than_its_rarity_alone_would_make_it(index: Index, encoder: OnnxEncoder) -> None:
    query = Query.of("fix drift", encoder, index)
    rarity = index.arrays.token_weights(query.encoding.token_ids)
    assert (query.weights / rarity).tolist() == pytest.approx([INTENT_SHARE, 1.0])


def test_a_word_piece_the_index_has_never_seen_weighs_most(index: Index) -> None:
    frequency = index.arrays.token_frequency
    seen, unseen = int(frequency.argmax()), int(np.flatnonzero(frequency == 0)[0])
    beyond = len(frequency) + 5
    common, rare, new = index.arrays.token_weights(np.array([seen, unseen, beyond], dtype=np.int32))
    assert 0 <= common < rare == new


@pytest.fixture
def sparse(settings: Settings, tmp_path: Path, encoder: OnnxEncoder) -> Index:
    """Three notes, the middle one made of stop words only."""
    for name, text in {"of.txt": "Dropout is off.", "the.txt": "and then there was this", "to.txt": "Recall fell."}.items():
        path = tmp_path / "corpus" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    synchronise(settings, [], encoder=encoder)
    return Index.open(settings, fingerprint(settings, encoder.name))


def test_a_passage_without_word_pieces_scores_zero_and_does_not_take_its_neighbours_matches(
    sparse: Index, encoder: OnnxEncoder
) -> None:
    texts = [passage.text for passage in sparse.passages(range(3))]
    silent = texts.index("and then there was this")
    assert len(sparse.arrays.encoding(silent).tokens) == 0
    query = Query.of("recall dropout", encoder, sparse)
    for order in ([0, 1, 2], [2, 1, 0], [silent], [silent, silent, 0]):
        best = best_matches(query, order, sparse)
        for place, row in enumerate(order):
            alone = best_matches(query, [row], sparse)[:, 0]
            assert best[:, place] == pytest.approx(alone, abs=1e-6)
            assert (alone == 0).all() == (row == silent)


def test_matches_below_the_floor_say_nothing() -> None:
    best = np.array([[FLOOR - 0.1, FLOOR, 0.8], [-1.0, 0.0, 0.3]], dtype=np.float32)
    assert met(best, np.array([3.0, 1.0], dtype=np.float32)).tolist() == pytest.approx([0, 0, 0.75 * 0.25])


def test_stored_bytes_come_back_as_unit_vectors_and_an_all_zero_row_as_zeros() -> None:
    vectors = unit_tokens(np.array([[127, 0], [3, -4], [0, 0]], dtype=np.int8))
    assert vectors.tolist() == [[1, 0], [pytest.approx(0.6), pytest.approx(-0.8)], [0, 0]]


def test_the_setting_chooses_the_reranker(tmp_path: Path) -> None:
    assert load_reranker(make_settings(tmp_path, reranker="none")) is None
    assert isinstance(load_reranker(make_settings(tmp_path)), LateInteraction)


@pytest.mark.parametrize("name", ["no-such/reranker", "./no-such-folder"])
def test_a_reranker_that_cannot_be_loaded_is_named_with_the_setting_to_change(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelProblem, match="PREP_RERANKER"):
        load_reranker(make_settings(tmp_path, reranker=name))
