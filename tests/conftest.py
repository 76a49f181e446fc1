"""What every test shares: the exported model, settings that point into a scratch folder, and no outside world."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.embed import OnnxEncoder
from rag.settings import Settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a model that is nowhere fails at once, not after a minute of retries

MODELS = Path(__file__).parents[1] / ".prep" / "models"


@pytest.fixture(scope="session")
def encoder() -> OnnxEncoder:
    """The real embedded model, exported on the first run of the suite."""
    return OnnxEncoder(MODELS, threads=1)


@pytest.fixture
def settings(tmp_path: Path, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a fresh project; the test runs inside its folder."""
    monkeypatch.chdir(tmp_path)
    return make_settings(tmp_path)


def make_settings(folder: Path, **changes: object) -> Settings:
    fields = {"data_dir": folder / ".prep", "models_dir": MODELS, "corpus_dir": Path("corpus"), **changes}
    return Settings().model_copy(update=fields)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file under the project's folder."""

    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put
