"""The project's own retriever on a test set in BEIR form."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evals.beir import STAGES, main, read, search_factory
from rag.embed import OnnxEncoder
from tests.evals.conftest import Data, ended

Search = Callable[[str, int], list[tuple[str, float]]]


@pytest.fixture(scope="module")
def data() -> Data:
    texts = {
        "dropout": "Dropout zeroes random units while a network trains.",
        "twin": "Dropout zeroes random units while a network trains.",
        "clay": "Teapots are made of clay and hold hot water.",
        "empty": "",
        "blank": " \n ",
        "long": "Glaciers are rivers of ice that carve valleys out of rock over thousands of years. " * 60,
        "ice": "Ice floats on water.",
    }
    return Data(list(texts), list(texts.values()))


@pytest.fixture(scope="module")
def search(data: Data) -> Search:
    return search_factory(data, None)


def test_the_bench_reads_titles_texts_and_judged_queries_only(beir: Path) -> None:
    data = read(beir)
    assert data.ids == ["d1", "d2", "d3", "d4", "d5", "d6"]
    assert data.texts[0] == "Dropout\n\nDropout zeroes random units while a network trains."
    assert data.texts[2].startswith("Precision")
    assert list(data.queries) == ["q1", "q2", "q3"]
    assert data.relevance["q3"] == {"d5": 1, "d6": 0}


def test_the_bench_prints_every_stage_with_its_numbers_and_gains(
    beir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setattr(sys, "argv", ["evals.beir", str(beir)])
    assert ended(main) == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.split()[:1] and line.split()[0] in STAGES}
    assert list(rows) == list(STAGES)
    for stage, cells in rows.items():
        assert cells[:4] == ["1.0000"] * 4, stage  # each query's words stand in one document only
    assert "over dense" in " ".join(rows["fused"]) and "over fused" in " ".join(rows["reranked"])
    assert "3 queries" in printed


def test_results_come_best_first_with_one_entry_a_document(search: Search, data: Data) -> None:
    found = search("how does dropout work in a network", 10)
    names, scores = [name for name, _ in found], [score for _, score in found]
    assert names[0] == "dropout"
    assert scores == sorted(scores, reverse=True)
    assert len(names) == len(set(names)) and set(names) <= set(data.ids)
    assert all(type(score) is float for score in scores)


def test_no_more_results_than_asked_for(search: Search) -> None:
    assert len(search("water", 2)) == 2
    assert search("water", 2) == search("water", 10)[:2]


def test_a_duplicate_cannot_vote_twice_and_both_its_names_are_found(search: Search) -> None:
    scores = dict(search("dropout network", 10))
    assert scores["dropout"] == scores["twin"]


def test_a_document_cut_into_many_chunks_counts_once_by_its_best(search: Search) -> None:
    (best, score), *others = search("glaciers carve valleys", 10)
    assert best == "long" and "long" not in dict(others)
    assert 0 < score <= 1  # a passage's own scores end at one: the chunks were not added up


def test_an_empty_text_or_an_empty_query_breaks_nothing(search: Search) -> None:
    assert "empty" not in [name for name, _ in search("water", 10)]
    assert all(np.isfinite(score) for _, score in search("", 10))


def test_two_searches_over_the_same_documents_agree(search: Search, data: Data) -> None:
    assert search_factory(data)("clay or ice", 10) == search("clay or ice", 10)


def test_a_given_encode_function_replaces_the_vectors_and_sees_documents_and_questions(
    data: Data, search: Search, encoder: OnnxEncoder
) -> None:
    seen: list[str] = []

    def encode(texts: list[str]) -> list[list[float]]:
        """Everything lies in one direction, but whatever mentions clay or walrus in another; longer than one on purpose."""
        seen.extend(texts)
        return [[0.0, 5.0, *[0.0] * 382] if "clay" in text or "walrus" in text else [3.0, *[0.0] * 383] for text in texts]

    given = search_factory(data, encode)
    assert given("walrus", 10)[0][0] == "clay"
    assert "walrus" in seen and any("Dropout" in text for text in seen)
    assert encoder.dimension == 384


def test_vectors_of_another_length_than_the_models_are_welcome(data: Data) -> None:
    found = search_factory(data, lambda texts: np.array([[len(text), 1.0, 2.0] for text in texts]))("ice", 3)
    assert found


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_folder_not_in_beir_form_exits_2_with_a_sentence(
    beir: Path, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (beir / missing).unlink()
    monkeypatch.setattr(sys, "argv", ["evals.beir", str(beir)])
    assert ended(main) == 2
    assert f"{beir} is not a test set in BEIR form" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "content"), [("corpus.jsonl", "no json\n"), ("qrels/test.tsv", "a\tb\tc\nq1\td1\n")])
def test_a_damaged_test_set_exits_2_with_a_sentence(
    beir: Path, name: str, content: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (beir / name).write_text(content)
    monkeypatch.setattr(sys, "argv", ["evals.beir", str(beir)])
    assert ended(main) == 2
    assert "BEIR form" in capsys.readouterr().err
