"""A scratch project to ingest, and the invariants its index must keep after every run."""

from pathlib import Path

import numpy as np
import pytest

from ingest.sync import Outcome, Progress, synchronise
from rag.index import Index, fingerprint
from rag.settings import Settings
from rag.types import Filters
from rag.vectors import VectorStore
from tests.conftest import make_settings
from tests.fakes import CountingEncoder


def silent(done: int, total: int) -> None:
    """No progress bar."""


class Project:
    """A folder of guides with its index, embedded by a fake that counts."""

    def __init__(self, settings: Settings, folder: Path, encoder: CountingEncoder | None = None) -> None:
        self.settings = settings
        self.folder = folder
        self.encoder = encoder or CountingEncoder()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def sync(
        self, *roots: str, dry_run: bool = False, prune_all: bool = False, rebuild: bool = False, progress: Progress = silent
    ) -> Outcome:
        """Ingest; afterwards `encoder.seen` holds what this run embedded."""
        self.encoder.seen.clear()
        paths = [Path(root) for root in roots]
        return synchronise(
            self.settings, paths, encoder=self.encoder, dry_run=dry_run, prune_all=prune_all, rebuild=rebuild, progress=progress
        )

    def open(self) -> Index:
        return Index.open(self.settings, fingerprint(self.settings, self.encoder.name))

    def with_settings(self, **changes: object) -> "Project":
        """The same folder seen with other settings."""
        return Project(self.settings.model_copy(update=changes), self.folder, self.encoder)

    def from_scratch(self, *roots: str) -> "Project":
        """The same files, ingested into an index of their own."""
        fresh = Project(make_settings(self.folder, data_dir=self.folder / "scratch"), self.folder)
        fresh.settings = fresh.settings.model_copy(update={"chunk_tokens": self.settings.chunk_tokens})
        fresh.sync(*roots, rebuild=True)
        return fresh


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> Project:
    return Project(settings, tmp_path)


def texts(index: Index) -> dict[str, set[str]]:
    """Passage text → the guides it stands in."""
    return {passage.text: {source.doc_id for source in passage.sources} for passage in index.passages(range(len(index.ids)))}


def contents(index: Index) -> list[object]:
    """Everything a reader can get from an index, in a form two indexes can be compared by."""
    passages = index.passages(range(len(index.ids)))
    return [
        (
            passage.id,
            passage.text,
            passage.sources,
            index.arrays.vectors[row].tobytes(),
            index.arrays.encoding(row).tokens.tobytes(),
        )
        for row, passage in enumerate(passages)
    ]


def assert_sound(project: Project) -> Index:
    """Every part holds exactly the passages the manifest names, each vector finds its own row, and nothing else is left."""
    index = project.open()
    settings, manifest = project.settings, index.manifest
    assert VectorStore(settings, manifest.collection).ids() == set(index.ids)
    assert len(index.arrays.vectors) == index.lexical.size == manifest.passages == len(index.ids)
    for row, vector in enumerate(np.asarray(index.arrays.vectors)):
        rows, similarities = index.dense(vector, 10, Filters())
        assert similarities[0] > 0.999
        assert row in rows or similarities[-1] > 0.999
    assert [folder.name for folder in settings.index_dir.glob("generations/*")] == [manifest.generation]
    assert not (settings.index_dir / "pending").exists()
    return index
