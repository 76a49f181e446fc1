"""A test set of six documents and three queries, small enough to know every answer."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evals.command import command
from rag.embed import OnnxEncoder
from tests.conftest import MODELS
from tests.evals.room import Room, build

DOCUMENTS = {
    "d1": ("Dropout", "Dropout zeroes random units while a network trains."),
    "d2": ("Teapots", "Teapots are made of clay and hold hot water."),
    "d3": ("", "Precision is the share of positive predictions that are right."),
    "d4": ("Empty", ""),
    "d5": ("Glaciers", "Glaciers are rivers of ice that carve valleys."),
    "d6": ("Volcanoes", "Volcanoes throw ash and lava into the air."),
}
QUERIES = {"q1": "dropout in a network", "q2": "precision of predictions", "q3": "rivers of ice", "unjudged": "hot water"}
QRELS = [("q1", "d1", 2), ("q2", "d3", 1), ("q3", "d5", 1), ("q3", "d6", 0)]


@dataclass(frozen=True)
class Data:
    ids: list[str]
    texts: list[str]


def ended(main: Callable[[], int | None]) -> object:
    """The exit status of a command."""
    with pytest.raises(SystemExit) as left:
        command(main)
    return left.value.code or 0


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": name, "title": title, "text": text} for name, (title, text) in DOCUMENTS.items()]
    queries = [{"_id": name, "text": text} for name, text in QUERIES.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(item) + "\n" for item in documents))
    (folder / "queries.jsonl").write_text("".join(json.dumps(item) + "\n" for item in queries))
    rows = [("query-id", "corpus-id", "score"), *QRELS]
    (folder / "qrels" / "test.tsv").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="session", autouse=True)
def models() -> Iterator[None]:
    """The bench reads its settings from the environment: point it at the model that is exported already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREP_MODELS_DIR", str(MODELS))
        yield


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory, encoder: OnnxEncoder) -> Room:
    """Ingested and measured with a memory once for the whole session; the encoder is asked for so that the model is exported."""
    return build(tmp_path_factory.mktemp("room"))
