"""The fast gate: sixty golden questions over all guides, by the command people use, against the bounds in evals/gates.toml.

An index in the project's data folder is taken when it is of these very files and settings, for embedding all guides takes a
minute or two; otherwise, as in a fresh clone, one is built beside the tests.
"""

import hashlib
import sys
import tomllib
from contextlib import chdir, closing
from pathlib import Path

import pytest

from evals.run import GATES, main
from ingest.scan import scan
from ingest.sync import synchronise
from rag.catalogue import Catalogue
from rag.embed import OnnxEncoder
from rag.errors import PrepError
from rag.index import Index, fingerprint
from rag.settings import Settings
from tests.conftest import MODELS, make_settings

ROOT = Path(__file__).parents[2]


def defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate is one of the product as shipped: neither the environment nor a `.env` may turn it."""
    for name, field in Settings.model_fields.items():
        monkeypatch.setenv(f"PREP_{name.upper()}", str(field.default))
    monkeypatch.setenv("PREP_MODELS_DIR", str(MODELS))


def is_current(settings: Settings, encoder: OnnxEncoder) -> bool:
    """Whether the index is whole, of these settings, and of the guides as they are on disk now."""
    try:
        manifest = Index.open(settings, fingerprint(settings, encoder.name)).manifest
    except PrepError:
        return False
    with closing(Catalogue(manifest.folder(settings) / "catalogue.sqlite")) as catalogue:
        known = {entry.document.id: entry.digest for entry in catalogue.entries()}
    files, _ = scan(settings.corpus_dir)
    return known == {file.doc_id: hashlib.sha256(b"".join(file.read())).hexdigest() for file in files}


def test_an_index_of_other_guides_or_settings_is_not_taken_for_current(
    tmp_path: Path, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults(monkeypatch)
    guide = tmp_path / "corpus" / "a.md"
    guide.parent.mkdir()
    guide.write_text("# A\n\nDropout zeroes units.\n")
    settings = make_settings(tmp_path)
    with chdir(tmp_path):
        assert not is_current(settings, encoder)
        synchronise(settings, [], encoder=encoder)
        assert is_current(settings, encoder)
        assert not is_current(make_settings(tmp_path, chunk_tokens=100), encoder)
        guide.write_text("# A\n\nDropout zeroes other units.\n")
        assert not is_current(settings, encoder)


def test_the_shipped_system_holds_its_gates_on_sixty_questions(
    tmp_path: Path, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "dev-60" not in tomllib.loads(GATES.read_text()):
        pytest.skip("evals/gates.toml has no gates named dev-60 yet")
    defaults(monkeypatch)
    monkeypatch.chdir(ROOT)
    settings = make_settings(ROOT)
    if not is_current(settings, encoder):
        settings = make_settings(tmp_path)
        synchronise(settings, [], encoder=encoder)
    monkeypatch.setenv("PREP_DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr(sys, "argv", ["evals.run", "--split", "dev", "--limit", "60", "--out", str(tmp_path / "run")])
    assert main() == 0, "the lines above that say `gate missed` say why; python -m evals.run --limit 60 shows more"
