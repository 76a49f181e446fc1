"""One small real index for every test that asks: nine guides, the real encoder, ingested once per session."""

import shutil
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.sync import synchronise
from rag.assistant import Assistant
from rag.embed import OnnxEncoder
from rag.index import Index, fingerprint
from rag.rerank import LateInteraction
from rag.retrieve import Retriever
from rag.settings import Settings
from rag.types import Document
from tests.conftest import make_settings

CORPUS = Path(__file__).parents[2] / "corpus"
GUIDES = (
    "coding/roc-auc-from-scratch",
    "debugging/train-serve-skew",
    "deep-learning/normalisation-and-dropout",
    "evaluation/precision-and-recall",
    "evaluation/roc-auc-and-pr-auc",
    "fundamentals/regularisation",
    "llm/lora-and-fine-tuning",
    "statistics/ab-test-pitfalls",
    "systems/monitoring-and-drift",
)


@dataclass(frozen=True)
class Library:
    """A project folder with its guides, and the index over them."""

    folder: Path
    settings: Settings
    index: Index

    def document(self, doc_id: str) -> Document:
        found = self.index.catalogue.document(doc_id)
        assert found is not None, doc_id
        return found

    def copy(self, folder: Path) -> Settings:
        """The same guides and index in a folder of their own, to be changed at will."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return make_settings(folder)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, encoder: OnnxEncoder) -> Library:
    folder = tmp_path_factory.mktemp("library")
    for name in GUIDES:
        target = folder / "corpus" / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".md", ".asks"):
            shutil.copy((CORPUS / name).with_suffix(suffix), target.parent)
    settings = make_settings(folder)
    with chdir(folder):
        synchronise(settings, [], encoder=encoder)
    return Library(folder, settings, Index.open(settings, fingerprint(settings, encoder.name)))


@pytest.fixture(scope="session")
def assistant(library: Library) -> Assistant:
    return Assistant(library.settings)


@pytest.fixture(scope="session")
def index(library: Library) -> Index:
    return library.index


@pytest.fixture(scope="session")
def retriever(library: Library, encoder: OnnxEncoder) -> Retriever:
    return Retriever(library.settings, library.index, encoder, LateInteraction())
